import { OutputExpiredError } from "../targets/target.ts";
import type { Refusal } from "./schedule.ts";

/** Refusals after which no other request can succeed either. */
const fatal: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "IncompleteSignatureException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "NoLongerSupportedException",
  "TransferBusyError",
  "UnrecognizedClientException",
]);

const outages: ReadonlySet<string> = new Set([
  "GlacierConnectionError",
  "RequestTimeoutException",
  "ServiceUnavailableException",
  "ThrottlingException",
]);

/** Whether the run cannot continue: credentials, the account, the vault, or the lock is the reason, and no archive. */
export function isFatal(error: unknown): boolean {
  return fatal.has(nameOf(error)) || isOfVault(error);
}

/** Whether the service as a whole is the reason, for a while. */
export function isOutage(error: unknown): boolean {
  if (nameOf(error) === "RangeFailedError") {
    return isOutage((error as Error).cause);
  }
  return outages.has(nameOf(error)) || isProxyError(error);
}

/** Whether a job may have been started although no response says so. */
export function isUnknownOutcome(error: unknown): boolean {
  return nameOf(error) === "GlacierConnectionError" || isProxyError(error);
}

/** Returns the reason for which a request for a job is refused for a while; null for another error. */
export function refusalOf(error: unknown): Refusal | null {
  switch (nameOf(error)) {
    case "PolicyEnforcedException":
      return "policy";
    case "InsufficientCapacityException":
      return "capacity";
    case "LimitExceededException":
      return "jobs-in-progress";
    case "ThrottlingException":
      return "throttled";
    case "RequestTimeoutException":
    case "ServiceUnavailableException":
      return "unavailable";
    default:
      return null;
  }
}

/** Whether the service no longer has the job, or the archive, that a request names. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof OutputExpiredError || (nameOf(error) === "ResourceNotFoundException" && !isOfVault(error));

/** AWS's message and Moraine's begin with the kind of the thing that is missing. */
function isOfVault(error: unknown): boolean {
  return nameOf(error) === "ResourceNotFoundException" && /^Vault not found\b/i.test((error as Error).message);
}

function isProxyError(error: unknown): boolean {
  return nameOf(error) === "UnexpectedResponse" && Number((error as { status?: unknown }).status) >= 500;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");
