import { systemClock } from "../clock/clocks.ts";
import type { BlobDriver } from "../domain/stores/blob-store.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { callLimits } from "../storage/blobs/s3/calls.ts";
import { Objects } from "../storage/blobs/s3/objects.ts";
import { S3BlobStore } from "../storage/blobs/s3/s3-blob-store.ts";
import { type DataFolder, openDataFolder } from "../storage/data-folder.ts";
import { Bucket } from "../storage/s3/bucket.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";
import { connectBucket } from "../storage/s3/connection.ts";

// The drivers of both ends of a copy.

export const filesIn = (folder: string): FilesystemBlobStore => new FilesystemBlobStore(folder);

/** Takes a folder whose mark is this copy's, and which may have no database yet. */
export const takeFolder = (folder: string): Promise<DataFolder> =>
  openDataFolder(folder, { isCopied: true, mayLackDatabase: true });

export interface BucketStore {
  readonly blobs: BlobDriver;
  readonly bucket: Bucket;
}

export async function objectsIn(place: BucketUrl): Promise<BucketStore> {
  const connection = await connectBucket(place, callLimits);
  return {
    blobs: new S3BlobStore(new Objects(connection), { now: () => systemClock.now() }),
    bucket: new Bucket(connection),
  };
}
