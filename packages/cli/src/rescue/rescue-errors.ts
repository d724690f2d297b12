/** Error thrown when some archives could not be rescued. */
export class SomeFailedError extends Error {
  override readonly name = "SomeFailedError";
}

/** Error thrown when jobs are in progress, and the command was not to wait. */
export class JobsPendingError extends Error {
  override readonly name = "JobsPendingError";
}

/** Error thrown when another job would pass a limit of the user's. */
export class CapReachedError extends Error {
  override readonly name = "CapReachedError";
}

/** Error thrown when copies are not as their manifest says. */
export class CopiesDifferError extends Error {
  override readonly name = "CopiesDifferError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}
