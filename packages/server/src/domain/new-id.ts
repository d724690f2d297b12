import { type ArchiveId, idLengths, type JobId, type UploadId } from "@moraine/protocol";

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

const pool = Buffer.alloc(4096);
let poolUsedBytes = pool.length;

/** Each character carries six random bits, so ids begin with `-` or `_` as often as AWS's do. */
function randomText(length: number): string {
  const sizeBytes = Math.ceil((length * 3) / 4);
  if (poolUsedBytes + sizeBytes > pool.length) {
    // Many at a time: each request has an id, and to ask the system costs as much as to check a signature.
    crypto.getRandomValues(pool);
    poolUsedBytes = 0;
  }
  const start = poolUsedBytes;
  poolUsedBytes += sizeBytes;
  return pool.toString("base64url", start, poolUsedBytes).slice(0, length);
}
