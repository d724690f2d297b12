import { type ArchiveId, idLengths, type JobId, type UploadId } from "@moraine/protocol";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export const newArchiveId = (): ArchiveId => randomText(idLengths.archive) as ArchiveId;
export const newJobId = (): JobId => randomText(idLengths.job) as JobId;
export const newUploadId = (): UploadId => randomText(idLengths.upload) as UploadId;
/** The ids of what clients make. */
export interface NewIds {
  archiveId(): ArchiveId;
  jobId(): JobId;
  uploadId(): UploadId;
}
export const randomIds: NewIds = { archiveId: newArchiveId, jobId: newJobId, uploadId: newUploadId };

export const newLockId = (): string => randomText(idLengths.lock);
export const newCapacityId = (): string => randomText(idLengths.capacity);
export const newRequestId = (): string => randomText(idLengths.request);
/** The inner name of a vault's row: a vault that is made again under its old name is another one. */
export const newVaultId = (): string => randomText(22);

/** SNS's own are UUIDs too. */
export const newMessageId = (): string => crypto.randomUUID();

/** Each character carries six random bits, so ids begin with `-` or `_` as often as AWS's do. */
function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  let text = "";
  for (const byte of bytes) {
    text += alphabet[byte & 63];
  }
  return text;
}
