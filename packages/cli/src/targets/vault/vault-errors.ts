import { TargetUnavailableError } from "../target.ts";

/** Errors of a service, by their name, of which the vault or the whole service is the reason. */
const unavailable: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "GlacierConnectionError",
  "IncompleteSignatureException",
  "InvalidSignatureException",
  "LimitExceededException",
  "MissingAuthenticationTokenException",
  "NoLongerSupportedException",
  "RequestTimeoutException",
  "ServiceUnavailableException",
  "ThrottlingException",
  "UnexpectedResponse",
  "UnrecognizedClientException",
]);

/** Calls the service of a target. Rejects with its errors in the terms of a target. */
export async function atVault<Value>(shown: string, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    throw targetError(error, shown);
  }
}

export function targetError(error: unknown, shown: string): unknown {
  const { name, message } = error as Error;
  const isOfVault = name === "ResourceNotFoundException" && /\bvault\b/i.test(message);
  return unavailable.has(name) || isOfVault
    ? new TargetUnavailableError(`Cannot use ${shown}: ${message} (${name})`, { cause: error })
    : error;
}
