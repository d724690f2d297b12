import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { BlobMissingError, type BlobStore } from "../domain/stores/blob-store.ts";
import { errorCode } from "../files/missing.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { boundName } from "../storage/bucket-binding.ts";
import type { BucketPlace } from "./bucket/open-bucket-place.ts";
import type { Finding } from "./finding.ts";

/** Where the bytes of segments are. */
export interface SegmentStore {
  readonly kind: "files" | "bucket";
  readonly blobs: Pick<BlobStore, "open">;
  /** Resolves to null when there is no such segment. */
  sizeOf(key: string): Promise<number | null>;
  /** Whether other things of the store can be read now: then it is one segment alone that cannot. */
  isReachable(): Promise<boolean>;
  /** Names a segment in a finding. */
  subjectOf(key: string): Pick<Finding, "file" | "object">;
}

/** @param root the data folder, or its mirror: their files have the same names. */
export const filesIn = (root: string): SegmentStore => ({
  kind: "files",
  blobs: new FilesystemBlobStore(root),
  async sizeOf(key) {
    try {
      const found = await lstat(join(root, "blobs", key));
      return found.isFile() ? found.size : null;
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) {
        return null;
      }
      throw error;
    }
  },
  isReachable: async () => true,
  subjectOf: (key) => ({ file: `blobs/${key}` }),
});

export const objectsIn = ({ blobs, bucket }: Pick<BucketPlace, "blobs" | "bucket">): SegmentStore => ({
  kind: "bucket",
  blobs,
  async sizeOf(key) {
    try {
      return (await blobs.cold?.sizeOf(key)) ?? null;
    } catch (error) {
      if (error instanceof BlobMissingError) {
        return null;
      }
      throw error;
    }
  },
  isReachable: async () => (await bucket.text(boundName).catch(() => null)) !== null,
  subjectOf: (key) => ({ object: `segments/${key}` }),
});
