import { GlacierServiceError, UnexpectedAnswerError } from "@moraine/client";

/** Stable, for scripts. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notFound: 3, denied: 5 } as const;

/** An argument that commander could not judge. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) {
    return exitCodes.usage;
  }
  return error instanceof GlacierServiceError ? (refusals[error.code] ?? exitCodes.failed) : exitCodes.failed;
}

/** In one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const isRefusal = error instanceof GlacierServiceError && !(error instanceof UnexpectedAnswerError);
  return (isRefusal ? `${text} (${error.code})` : text).replace(/\s*\n\s*/g, " ");
}

const refusals: Readonly<Record<string, number>> = {
  ResourceNotFoundException: exitCodes.notFound,
  AccessDeniedException: exitCodes.denied,
  ExpiredTokenException: exitCodes.denied,
  IncompleteSignatureException: exitCodes.denied,
  InvalidSignatureException: exitCodes.denied,
  MissingAuthenticationTokenException: exitCodes.denied,
  UnrecognizedClientException: exitCodes.denied,
};
