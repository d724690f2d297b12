import { OutputExpiredError } from "../targets/target.ts";
import type { Refusal } from "./schedule/schedule.ts";

/** Errors after which no other request can succeed either, or its success not be recorded. */
const fatal: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "CatalogError",
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
/** Statuses of a request that may have been carried out although it was not answered. 503 says that it was not. */
const unknownStatuses: ReadonlySet<number> = new Set([408, 500, 502, 504]);

/** Whether the run cannot continue: credentials, the account, the vault, or the lock is the reason, and no archive. */
export function isFatal(error: unknown): boolean {
  return fatal.has(nameOf(error)) || isOfVault(error);
}

/** Whether the service as a whole is the reason, for a while. */
export function isOutage(error: unknown): boolean {
  if (nameOf(error) === "RangeFailedError") {
    return isOutage((error as Error).cause);
  }
  // The status decides, since a service or a proxy may use codes of its own.
  const status = statusOf(error);
  const isOfStatus = status >= 500 || status === 408 || status === 429;
  return outages.has(nameOf(error)) || (isOfStatus && nameOf(error) !== "DamagedDataError");
}

/** Whether the service is only too busy. */
export const isThrottling = (error: unknown): boolean => {
  const cause = nameOf(error) === "RangeFailedError" ? (error as Error).cause : error;
  return nameOf(cause) === "ThrottlingException" || statusOf(cause) === 429;
};

/** Whether a job may have been started although no response says so. */
export function isUnknownOutcome(error: unknown): boolean {
  return nameOf(error) === "GlacierConnectionError" || unknownStatuses.has(statusOf(error));
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
      return isOutage(error) ? "unavailable" : null;
  }
}

/** Whether the service no longer has the job, or the archive, that a request names. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof OutputExpiredError || (nameOf(error) === "ResourceNotFoundException" && !isOfVault(error));

/** AWS's message and Moraine's begin with the kind of the thing that is missing. */
function isOfVault(error: unknown): boolean {
  return nameOf(error) === "ResourceNotFoundException" && /^Vault not found\b/i.test((error as Error).message);
}

/** The HTTP status of an error of the service; 0 for another error. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && "operation" in error && "status" in error ? Number(error.status) : 0;
  return Number.isInteger(status) ? status : 0;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");
