import { StorageFullError } from "../../../domain/stores/blob-store.ts";
import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import { failureOf } from "./postgres-failure.ts";

/** The error for the caller of a method, when its transaction could not be ended in time. */
export function unavailable(cause: unknown, isUnknown: boolean): Error {
  const kind = failureOf(cause);
  if (kind === "full" && !isUnknown) {
    return new StorageFullError("The disk of the database has no room", { cause });
  }
  const outcome = kind === "busy" ? "busy" : "not_committed";
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `The metadata store cannot be used: ${reason}`;
  return new MetadataUnavailableError(message, { cause, outcome: isUnknown ? "unknown" : outcome });
}
