/** Stops on our own mistakes: what fails here is a bug of the service, never something a caller did. */
export function invariant(condition: unknown, promise: string): asserts condition {
  if (!condition) {
    throw new InvariantError(promise);
  }
}

export class InvariantError extends Error {
  override readonly name = "InvariantError";

  constructor(promise: string) {
    super(`Broken promise: ${promise}`);
  }
}
