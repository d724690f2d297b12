import { type ArchiveFacts, type CopyFacts, type CopyState, type StoredCopy, TargetOccupiedError } from "../target.ts";
import { type ReadBack, readBack } from "./read-back.ts";
import { keyOf } from "./s3-key.ts";
import type { S3Parts } from "./s3-parts.ts";

/** Finds an object that is the archive already. Null if nothing has its key; TargetOccupiedError for other content. */
export async function findObject(
  { prefix, objects }: S3Parts,
  archive: ArchiveFacts,
  signal: AbortSignal,
): Promise<StoredCopy | null> {
  const key = keyOf(archive.path, prefix);
  const head = await objects.head(key, signal);
  if (head === null) {
    return null;
  }
  const found =
    head.ContentLength === archive.sizeBytes
      ? await readBack(objects, key, { etag: head.ETag, sizeBytes: archive.sizeBytes }, signal)
      : undefined;
  if (found === null) {
    return null;
  }
  if (found === undefined || !isSame(found, archive)) {
    throw new TargetOccupiedError(`${objects.shown(key)} exists with other content, which is kept`);
  }
  return copyOf(key, found.sha256, head.ETag);
}

/** Reads a copy back. */
export async function checkObject(
  { objects }: S3Parts,
  { location, ...copy }: CopyFacts,
  signal: AbortSignal,
): Promise<CopyState> {
  const head = await objects.head(location, signal);
  if (head === null) {
    return "missing";
  }
  if (head.ContentLength !== copy.sizeBytes) {
    return "changed";
  }
  const found = await readBack(objects, location, { etag: head.ETag, sizeBytes: copy.sizeBytes }, signal);
  if (found === null) {
    return "missing";
  }
  return isSame(found, copy) && (copy.sha256 === null || copy.sha256 === found.sha256) ? "sound" : "changed";
}

export const copyOf = (location: string, sha256: string, etag: string | undefined): StoredCopy => ({
  location,
  sha256,
  ...(etag !== undefined && { checksums: { etag: etag.replaceAll('"', "") } }),
});

const isSame = (found: ReadBack, { sizeBytes, treeHash }: Pick<ArchiveFacts, "sizeBytes" | "treeHash">): boolean =>
  found.sizeBytes === sizeBytes && found.treeHash === treeHash;
