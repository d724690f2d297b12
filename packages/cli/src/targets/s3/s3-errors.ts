import { TargetFullError, TargetUnavailableError, UncheckableError } from "../target.ts";

const full: ReadonlySet<string> = new Set(["InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"]);
/** Errors of all objects of a bucket, although their status is that of a wrong request. */
const ofBucket: ReadonlySet<string> = new Set([
  "AccessDenied",
  "CredentialsProviderError",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "NoSuchBucket",
  "PermanentRedirect",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);
/** The store received other bytes than were sent. */
const altered: ReadonlySet<string> = new Set(["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"]);

export const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** Whether there is no such object; the bucket exists. */
export const isMissing = (error: unknown): boolean =>
  statusOf(error) === 404 && !["NoSuchBucket", "NoSuchUpload"].includes(nameOf(error));

export const isNoUpload = (error: unknown): boolean => nameOf(error) === "NoSuchUpload";

/** Whether the object exists already, so that its condition is not met; or another writer is about to create it. */
export const isOccupied = (error: unknown): boolean => [409, 412].includes(statusOf(error) ?? 0);

/** Whether the store does not know a header of the request. */
export const isNotImplemented = (error: unknown): boolean =>
  statusOf(error) === 501 || nameOf(error) === "NotImplemented";

/** Whether the store takes exception to a header of the request, maybe to one that it does not know. */
export const isUnknownArgument = (error: unknown): boolean =>
  ["InvalidArgument", "InvalidRequest", "UnsupportedArgument"].includes(nameOf(error));

/** Whether the same request may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  const isOfNetwork = status === undefined && typeof (error as NodeJS.ErrnoException).code === "string";
  const isTimeout = nameOf(error) === "TimeoutError";
  return isOfNetwork || isTimeout || altered.has(nameOf(error)) || status === 429 || (status ?? 0) >= 500;
}

/** Returns the error of a store in the terms of a target. @param shown the bucket or the object, for the message */
export function targetError(error: unknown, shown: string): unknown {
  const { name, message } = error as Error;
  const status = statusOf(error);
  const isOfStore = status !== undefined || ofBucket.has(name) || isPassing(error);
  if (!isOfStore) {
    return error;
  }
  const words = [name, status === undefined ? "" : `HTTP ${status}`, message].filter(Boolean).join(", ");
  if (full.has(name) || status === 507) {
    return new TargetFullError(`No room for ${shown}: ${words}`, { cause: error });
  }
  if (name === "InvalidObjectState") {
    return new UncheckableError(`${shown} is in a cold storage class: restore it first`, { cause: error });
  }
  return ofBucket.has(name) || isPassing(error) || status === 403
    ? new TargetUnavailableError(`Cannot use ${shown}: ${words}`, { cause: error, mayBeOfOne: status === 403 })
    : new Error(`The store refuses ${shown}: ${words}`, { cause: error });
}

const nameOf = (error: unknown): string => (error as Error).name;
