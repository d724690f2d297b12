import { constants } from "node:os";

/** Stable, for scripts. Whatever is interrupted by a signal ends by it, which shells call 128 + its number. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unverified: 4,
  denied: 5,
  /** Temporary: the service cannot be reached, is unavailable or throttles. */
  unavailable: 69,
  notReady: 75,
} as const;

/** Signals that ask to end. */
export const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Interruption = (typeof interruptions)[number];
export const interruptionCode = (name: Interruption): number => 128 + constants.signals[name];

/** An argument that commander could not judge. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Ctrl-C, or another signal that asks to end. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  readonly exitCode: number;

  constructor(signal: Interruption) {
    super(`interrupted by ${signal}`);
    this.exitCode = interruptionCode(signal);
  }
}

/** Standard output is full, or nobody reads it any more. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  /** As when `head` has seen enough. */
  readonly isClosed: boolean;

  constructor(cause: Error) {
    super(`cannot write to standard output: ${cause.message}`, { cause });
    this.isClosed = "code" in cause && cause.code === "EPIPE";
  }
}

/** What a command ended with: the request to end, but for what the user has to know of all the same. */
export function endOf(error: unknown, signal: AbortSignal): unknown {
  const isUnknown = error instanceof Error && error.name === "CompletionUnknownError";
  return signal.aborted && !isUnknown ? signal.reason : error;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) {
    return error.exitCode;
  }
  if (!(error instanceof Error)) {
    return exitCodes.failed;
  }
  // A proxy that answers in the service's place, and a range that failed for what its cause says.
  const isUnavailable = error.name === "UnexpectedAnswer" && "status" in error && Number(error.status) >= 500;
  const isRange = error.name === "RangeFailedError";
  return isUnavailable
    ? exitCodes.unavailable
    : isRange
      ? exitCodeOf(error.cause)
      : (codes[error.name] ?? exitCodes.failed);
}

/** In one line. A refusal's text after a blank line shows what should have been signed, which only helps the author of a client. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error && "operation" in error ? String(error.code) : "";
  const isRefusal = code !== "" && code !== "UnexpectedAnswer";
  return (isRefusal ? `${text.split("\n\n")[0]} (${code})` : text)
    .split("\n")
    .map((line) => line.trim())
    .join(" ");
}

/** By the names of errors, for their classes would have to be loaded first; a refusal of the service is named as its code. */
const codes: Readonly<Record<string, number>> = {
  UsageError: exitCodes.usage,
  UnusableFileError: exitCodes.usage,
  ResourceNotFoundException: exitCodes.notFound,
  VerificationError: exitCodes.unverified,
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
};
