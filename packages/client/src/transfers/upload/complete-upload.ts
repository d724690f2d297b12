import { formatRange } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import { GlacierServiceError } from "../../errors.ts";
import { asError, CompletionUnknownError, VerificationError } from "../transfer-errors.ts";
import { knownParts, type MultipartUpload, type SentParts } from "./multipart-upload.ts";
import type { Upload } from "./upload-context.ts";
import type { Completion, UploadState } from "./upload-journal.ts";

/** Completes an upload and returns the archive's id. Null if the service refuses, because its parts are not those that were sent. */
export async function completeUpload(upload: Upload, archive: Completion): Promise<string | null> {
  const { place, journal, context } = upload;
  const { client, vaultName, accountId } = place;
  const uploadId = journal.state.upload?.uploadId ?? "";
  try {
    const input = { vaultName, accountId, uploadId, archiveSize: archive.sizeBytes, checksum: archive.treeHash };
    const { archiveId, checksum = null } = await client.completeMultipartUpload(input, { signal: context.signal });
    await keepArchive(upload, { archiveId, checksum });
    return archiveId;
  } catch (error) {
    if (hasCode(error, "InvalidParameterValueException")) {
      await journal.note({ completing: null });
      return null;
    }
    if (hasCode(error, "ResourceNotFoundException")) {
      throw completionUnknown(
        `The service no longer knows upload ${uploadId}, which it was asked to complete`,
        archive,
        error,
      );
    }
    if (journal.isKept) {
      throw error;
    }
    if (isRefusal(error)) {
      await journal.note({ completing: null });
      throw error;
    }
    // Without a journal, no later run can ask again.
    const why = asError(error).message;
    throw completionUnknown(
      `Whether the service has completed upload ${uploadId} is not known (${why})`,
      archive,
      error,
    );
  }
}

/** Records the archive. A failure causes only a warning, since the archive exists by then. */
export async function keepArchive(
  { journal, context }: Upload,
  archive: Pick<UploadState, "archiveId" | "checksum">,
): Promise<void> {
  const failure = await journal.noteArchive(archive);
  if (failure !== null) {
    const message =
      `Archive ${archive.archiveId} is stored, but its id could not be written to the journal (${failure.message}). ` +
      "Keep the id: another run may store a second archive";
    context.progress.emit({ kind: "warning", code: "journal-not-written", message });
  }
}

export function completionUnknown(what: string, archive: Completion, cause: unknown): CompletionUnknownError {
  const message = `${what}. Look for ${archiveOf(archive)} in the next inventory before uploading again`;
  return new CompletionUnknownError(message, archive, cause);
}

/** Describes an archive whose id is not known. */
export function archiveOf({ sizeBytes, treeHash }: Completion): string {
  return `an archive of ${sizeBytes} bytes with tree hash ${treeHash}`;
}

/**
 * Whether the service has refused the request and stored nothing. False after several attempts: an earlier one may have been carried out,
 * with its response lost.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof GlacierServiceError && error.status >= 400 && error.status < 500 && error.attempts === 1;
}

/** Throws VerificationError if the service has made the archive but reported another hash than was sent. */
export function assertAcceptedAs({ archiveId, checksum }: UploadState, { treeHash }: Completion): void {
  if (archiveId !== null && checksum !== null && checksum.toLowerCase() !== treeHash) {
    const what = { range: null, expected: treeHash, computed: checksum };
    throw new VerificationError(what, `The server reported this hash but made archive ${archiveId}.`);
  }
}

/** Describes why the parts do not make the archive although all were sent. */
export async function differences(
  { place, context }: Upload,
  { uploadId, partSizeBytes }: MultipartUpload,
  { treeHashes, sizeBytes }: SentParts,
): Promise<string> {
  const known = await knownParts(place, uploadId, context.signal);
  const wrong = treeHashes.flatMap((treeHash, index) => {
    const firstByte = index * partSizeBytes;
    const range = formatRange({ firstByte, lastByte: Math.min(firstByte + partSizeBytes, sizeBytes) - 1 });
    const isThere = known.get(range) === treeHash;
    known.delete(range);
    return isThere ? [] : [range];
  });
  return (
    `The service refuses to complete upload ${uploadId}. Parts that differ from those sent: ${wrong.join(", ") || "none"}; ` +
    `unexpected parts: ${[...known.keys()].join(", ") || "none"}. Upload again to send what is missing; unexpected ` +
    "parts are removed only with the entire upload, when it is aborted"
  );
}
