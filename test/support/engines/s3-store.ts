import { callLimits } from "../../../packages/server/src/storage/blobs/s3/calls.ts";
import { Objects } from "../../../packages/server/src/storage/blobs/s3/objects.ts";
import { S3BlobStore, type S3StoreOptions } from "../../../packages/server/src/storage/blobs/s3/s3-blob-store.ts";
import { parseArchivesUrl } from "../../../packages/server/src/storage/s3/archives-url.ts";
import { connectBucket } from "../../../packages/server/src/storage/s3/connection.ts";
import type { S3Place } from "./s3-place.ts";

/** Opens the store of a place in this process, whose environment gets the credentials. */
export async function openS3Store(
  { url, environment }: S3Place,
  options: Partial<S3StoreOptions> = {},
): Promise<S3BlobStore> {
  Object.assign(process.env, environment);
  const place = parseArchivesUrl(url);
  if (place === null) {
    throw new Error(`${url} is no bucket`);
  }
  const store = new S3BlobStore(new Objects(await connectBucket(place, callLimits)), {
    now: Date.now,
    cold: place.cold,
    ...options,
  });
  await store.prepare();
  return store;
}
