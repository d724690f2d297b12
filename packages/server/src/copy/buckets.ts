import type { BlobDriver } from "../domain/stores/blob-store.ts";
import {
  assertBound,
  type BoundMetadata,
  type BoundStore,
  bindBucket,
  hasBucket,
  isSamePlace,
  reserveBucket,
  takeOverBucket,
} from "../storage/bucket-binding.ts";
import type { Bucket } from "../storage/s3/bucket.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";
import { objectsIn } from "./drivers.ts";
import { CopyError, type CopyOrigin, type SourceBucket } from "./place.ts";

// Buckets of both ends, and which of them has the archives.

/** Opens the bucket that the source says its archives are in. Whether the bucket agrees is checked with the target, which may have taken it over. */
export async function openSourceBucket(url: BucketUrl, metadata: BoundMetadata, keptObjects: number) {
  const kept = await metadata.bindings.read();
  if (kept?.isBound !== true) {
    throw new CopyError(`${metadata.name} has no bucket: no server has ever used it with one`);
  }
  if (kept.place !== url.name) {
    throw new CopyError(
      `The archives of ${metadata.name} are in ${kept.place}, not in ${url.name}: give --from-blobs ${kept.place}`,
    );
  }
  const { blobs, bucket } = await objectsIn(url);
  const bound: SourceBucket = { bucket, metadata, keptObjects };
  return { blobs, bound };
}

/** Throws when the archives of the source are in a bucket that is no longer its own. */
export async function assertOwn(bound: SourceBucket | null): Promise<void> {
  if (bound !== null) {
    await assertBound(bound.metadata, bound.bucket);
  }
}

export interface TargetBucket {
  readonly blobs: BlobDriver;
  readonly isInPlace: boolean;
  /** Makes archives that stay in their bucket the target's. */
  takeOver(): Promise<void>;
  /** Whether an earlier run has done so. */
  isTakenOver(): Promise<boolean>;
}

/** Opens an empty place for the copy, one that an earlier run has bound to it, or the one that the source has. */
export async function openTargetBucket(
  url: BucketUrl,
  store: BoundStore,
  { bound }: Pick<CopyOrigin, "bound">,
): Promise<TargetBucket> {
  const { blobs, bucket } = await objectsIn(url);
  try {
    if (bound !== null && (await isSamePlace(bound.bucket, bucket))) {
      const { metadata } = bound;
      await reserveInPlace(store, bound, bucket);
      return {
        ...{ blobs, isInPlace: true },
        takeOver: () => takeOverBucket(store, metadata, bucket),
        isTakenOver: () => hasBucket(store, bucket),
      };
    }
    await assertOwn(bound);
    if ((await store.bindings.read()) === null) {
      await assertEmpty(bucket);
    }
    await bindBucket(store, bucket);
    await blobs.prepare();
    return { blobs, isInPlace: false, takeOver: async () => undefined, isTakenOver: async () => false };
  } catch (error) {
    await blobs.close();
    throw error;
  }
}

async function reserveInPlace(store: BoundStore, { metadata, keptObjects }: SourceBucket, bucket: Bucket) {
  if (keptObjects > 0) {
    throw new CopyError(
      `The folder quarantine/ of ${metadata.name} keeps ${keptObjects} objects in ${bucket.url.name}, and the copy would not: look at them and remove those files first, or copy to another prefix`,
    );
  }
  await reserveBucket(store, metadata, bucket);
}

async function assertEmpty(bucket: Bucket): Promise<void> {
  for await (const [found] of bucket.list("")) {
    if (found !== undefined) {
      throw new CopyError(`${bucket.url.name} is not empty (it holds ${found.key}): choose another prefix`);
    }
  }
}
