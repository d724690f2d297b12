import { damagedDataMessage, errorBody, errors, GlacierError, OverloadError } from "@moraine/protocol";
import { CorruptSegmentError } from "../../domain/segment.ts";
import { BlobStoreUnavailableError, NotRestoredYetError, StorageFullError } from "../../domain/stores/blob-store.ts";
import { DamagedRowError, MetadataUnavailableError } from "../../domain/stores/metadata-store.ts";
import { StsError, stsErrorReply } from "../body/sts-form.ts";
import { jsonReply, type Reply } from "./encode.ts";

/** A store that is away seldom returns within a second. */
const storeRetrySeconds = 5;

/** Any failure → a response in the API's form. What went wrong inside is for the log, never for the client. */
export function errorReply(error: unknown): Reply {
  if (error instanceof StsError) {
    return stsErrorReply(error);
  }
  const shown = toGlacierError(error);
  const headers = shown instanceof OverloadError ? { "Retry-After": String(shown.retryAfterSeconds) } : {};
  return jsonReply(shown.status, errorBody(shown), headers);
}

/** Whether a failure is ours, and so belongs into the log with its cause. An overload would flood the log: metrics count it. */
export function isInternal(error: unknown): boolean {
  return !(error instanceof GlacierError) || (error.type === "Server" && !isOverload(error));
}

const isOverload = (error: GlacierError): boolean =>
  error instanceof StsError ? error.retryAfterSeconds !== null : error instanceof OverloadError;

function toGlacierError(error: unknown): GlacierError {
  if (error instanceof GlacierError) {
    return error;
  }
  if (error instanceof StorageFullError) {
    return errors.unavailable("The storage is full: nothing can be stored until there is room again.");
  }
  if (error instanceof BlobStoreUnavailableError) {
    return new OverloadError("The service cannot reach its storage. Try again later.", storeRetrySeconds);
  }
  if (error instanceof NotRestoredYetError) {
    return errors.unavailable("The bytes have to be restored first. Initiate another retrieval job, and wait for it.");
  }
  if (error instanceof MetadataUnavailableError) {
    return errors.unavailable("The service cannot reach its metadata. Try again later.");
  }
  if (error instanceof DamagedRowError) {
    return errors.unavailable("The metadata that this request needs are damaged. The operator has to restore them.");
  }
  if (error instanceof CorruptSegmentError) {
    return errors.unavailable(damagedDataMessage);
  }
  return errors.unavailable("The service had an internal failure. Try again later.");
}
