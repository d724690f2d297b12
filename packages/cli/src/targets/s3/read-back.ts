import { createHash } from "node:crypto";
import { TreeHash } from "@moraine/client/node";
import { ObjectReader, type ObjectVersion } from "./object-reader.ts";
import type { S3Objects } from "./s3-objects.ts";

export interface ReadBack {
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly sha256: string;
}

/** Reads an object, all of it. Resolves to null if there is no such object. */
export async function readBack(
  objects: S3Objects,
  key: string,
  version: ObjectVersion,
  signal: AbortSignal,
): Promise<ReadBack | null> {
  const [sha256, tree] = [createHash("sha256"), new TreeHash()];
  let sizeBytes = 0;
  for await (const piece of new ObjectReader(objects, key, version, signal)) {
    if (piece === null) {
      return null;
    }
    sizeBytes += piece.length;
    sha256.update(piece);
    await tree.update(piece);
  }
  return { sizeBytes, treeHash: await tree.digest(), sha256: sha256.digest("hex") };
}
