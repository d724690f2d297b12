import { VerificationError } from "@moraine/client/node";
import type { HeldPart } from "../parts/part-buffers.ts";
import { verifiedRange } from "../parts/verified-range.ts";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type StoredCopy,
  type StoreOptions,
  TargetOccupiedError,
} from "../target.ts";
import { copyOf, findObject } from "./find-object.ts";
import { readBack } from "./read-back.ts";
import { keyOf } from "./s3-key.ts";
import { metadataOf } from "./s3-metadata.ts";
import type { S3Parts } from "./s3-parts.ts";

/** Stores an archive in one request, from memory, and lets the store say what it has. Nothing has the same key: the caller has looked. */
export async function storeObject(
  parts: S3Parts,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<StoredCopy> {
  const { prefix, objects, buffers } = parts;
  const { sizeBytes, treeHash } = archive;
  const { signal } = options;
  const range = { firstByte: 0, lastByte: sizeBytes - 1 };
  await using part = await buffers.hold(verifiedRange(output, range, options), sizeBytes, signal);
  if (part.treeHash !== treeHash) {
    const what = { range: null, expected: treeHash, computed: part.treeHash };
    throw new VerificationError(what, "Nothing was stored.");
  }
  const key = keyOf(archive.path, prefix);
  if (!(await objects.create(key, part, metadataOf(archive), signal))) {
    // Another attempt of this request may have stored it, and its response was lost.
    const found = await findObject(parts, archive, signal);
    if (found !== null) {
      return found;
    }
    throw new TargetOccupiedError(`${objects.shown(key)} is being written by another program`);
  }
  return await confirmed(parts, key, part, signal);
}

/** Compares what the store has with what was sent: by its own checksums, or else by reading it back. */
async function confirmed({ objects }: S3Parts, key: string, part: HeldPart, signal: AbortSignal): Promise<StoredCopy> {
  const head = await objects.head(key, signal);
  const etag = head?.ETag?.replaceAll('"', "");
  const sha256 = head?.ChecksumSHA256;
  const isShown =
    (sha256 !== undefined && sha256 === Buffer.from(part.sha256, "hex").toString("base64")) ||
    (part.md5 !== null && etag === part.md5);
  const isSize = head?.ContentLength === part.sizeBytes;
  const found =
    isShown || !isSize ? null : await readBack(objects, key, { etag: head?.ETag, sizeBytes: part.sizeBytes }, signal);
  if (!isSize || !(isShown || found?.sha256 === part.sha256)) {
    throw new Error(`${objects.shown(key)} does not have the bytes that the store has accepted`);
  }
  return copyOf(key, part.sha256, head?.ETag);
}
