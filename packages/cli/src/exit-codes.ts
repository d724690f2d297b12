import { constants } from "node:os";

/** Stable, for scripts. An interrupted command ends by the signal itself, which shells report as 128 + its number. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unverified: 4,
  denied: 5,
  /** A limit that the user has set, like --max-cost, ended the command. */
  limitReached: 6,
  /** Temporary: the service cannot be reached, is unavailable or throttles. */
  unavailable: 69,
  notReady: 75,
} as const;

/** Signals that ask to end. */
export const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Interruption = (typeof interruptions)[number];
export const interruptionCode = (name: Interruption): number => 128 + constants.signals[name];

/** Error thrown for arguments, files or settings that a command cannot use, where commander does not notice. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Error thrown after Ctrl-C, or another signal that asks to end. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  readonly exitCode: number;

  constructor(signal: Interruption) {
    super(`interrupted by ${signal}`);
    this.exitCode = interruptionCode(signal);
  }
}

/** Error thrown when standard output is full, or was closed by its reader. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  /** True when the reader closed it, as `head` does. */
  readonly isClosed: boolean;

  constructor(cause: Error) {
    super(`cannot write to standard output: ${cause.message}`, { cause });
    this.isClosed = "code" in cause && cause.code === "EPIPE";
  }
}

/** Returns the error to report: the interruption, if there was one, except for a CompletionUnknownError, which the user must see. */
export function endOf(error: unknown, signal: AbortSignal): unknown {
  const isUnknown = error instanceof Error && error.name === "CompletionUnknownError";
  return signal.aborted && !isUnknown ? signal.reason : error;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) {
    return error.exitCode;
  }
  if (error instanceof Error && error.name === "CopiesDifferError" && "exitCode" in error) {
    return Number(error.exitCode);
  }
  if (!(error instanceof Error)) {
    return exitCodes.failed;
  }
  // A proxy may respond in the service's place; the cause of a failed range says why it failed.
  const isUnavailable = error.name === "UnexpectedResponse" && "status" in error && Number(error.status) >= 500;
  const isRange = error.name === "RangeFailedError";
  return isUnavailable
    ? exitCodes.unavailable
    : isRange
      ? exitCodeOf(error.cause)
      : (codes[error.name] ?? exitCodes.failed);
}

/** Whether an error is of a name: those of services, and of parts that are only loaded when they are used, have no class here. */
export const isNamed = (error: unknown, name: string): error is Error => error instanceof Error && error.name === name;

/** Returns the message on one line. A service's message after a blank line shows what should have been signed, which only helps the author of a client. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error && "operation" in error ? String(error.code) : "";
  const isRefusal = code !== "" && code !== "UnexpectedResponse";
  return (isRefusal ? `${text.split("\n\n")[0]} (${code})` : text)
    .split("\n")
    .map((line) => line.trim())
    .join(" ");
}

/** By the names of errors, since their classes would have to be loaded first. An error of the service has its code as its name. */
const codes: Readonly<Record<string, number>> = {
  UsageError: exitCodes.usage,
  InvalidTargetError: exitCodes.usage,
  UnusableFileError: exitCodes.usage,
  PriceTableError: exitCodes.usage,
  ResourceNotFoundException: exitCodes.notFound,
  VerificationError: exitCodes.unverified,
  AuditDifferenceError: exitCodes.unverified,
  UnverifiableError: exitCodes.unverified,
  AccessDeniedException: exitCodes.denied,
  ExpiredTokenException: exitCodes.denied,
  IncompleteSignatureException: exitCodes.denied,
  InvalidSignatureException: exitCodes.denied,
  MissingAuthenticationTokenException: exitCodes.denied,
  UnrecognizedClientException: exitCodes.denied,
  GlacierConnectionError: exitCodes.unavailable,
  InsufficientCapacityException: exitCodes.unavailable,
  RequestTimeoutException: exitCodes.unavailable,
  ServiceUnavailableException: exitCodes.unavailable,
  ThrottlingException: exitCodes.unavailable,
  JobNotReadyError: exitCodes.notReady,
  JobsPendingError: exitCodes.notReady,
  CapReachedError: exitCodes.limitReached,
  TargetMismatchError: exitCodes.usage,
  UncheckableError: exitCodes.notReady,
  VaultNotReadyError: exitCodes.notReady,
  ArchivesKeptError: exitCodes.unverified,
  ArchivesLockedError: exitCodes.denied,
  ArchivesDeniedError: exitCodes.denied,
};
