import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { type BlobDriver, BlobMissingError, type BlobStore } from "../domain/stores/blob-store.ts";
import { errorCode } from "../files/missing.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import type { Finding } from "./finding.ts";

/** Where the bytes of segments are. */
export interface SegmentStore {
  readonly kind: "files" | "bucket";
  readonly blobs: Pick<BlobStore, "open">;
  /** Resolves to null when there is no such segment. */
  sizeOf(key: string): Promise<number | null>;
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
  subjectOf: (key) => ({ file: `blobs/${key}` }),
});

export const objectsIn = (blobs: BlobDriver): SegmentStore => ({
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
  subjectOf: (key) => ({ object: `segments/${key}` }),
});
