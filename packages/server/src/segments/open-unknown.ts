import { leafCount } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import type { BlobReader, BlobStore } from "../domain/stores/blob-store.ts";
import { decodeFooter, type Footer, footerLengthAt, footerSizeMax, footerTailLength } from "./footer.ts";
import { rootOfLeaves } from "./hashing/leaves-root.ts";
import { type OpenSegment, openBlob, readOrCorrupt } from "./open.ts";

/** A segment as its file alone describes it. */
export interface UnknownSegment extends OpenSegment {
  readonly segment: Segment;
}

/**
 * Opens a segment of which no row exists: the end of its file says where its footer begins, and the footer all else. Throws
 * CorruptSegmentError unless the footer is complete, has the tree hash that it names, and names the owner that the key names.
 */
export async function openUnknownSegment(blobs: Pick<BlobStore, "open">, key: string): Promise<UnknownSegment> {
  const reader = await openBlob(blobs, key);
  try {
    const footer = await readFooter(reader, key);
    const { ownerId, firstByte, sizeBytes, treeHash } = footer;
    return { segment: { key, ownerId, firstByte, sizeBytes, treeHash }, reader, footer, close: () => reader.close() };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/**
 * Opens a segment whose row has lost its place, as that of a part which was replaced: its footer still has it. Throws CorruptSegmentError
 * unless the footer is the one of the row otherwise.
 */
export async function openReplacedSegment(
  blobs: Pick<BlobStore, "open">,
  row: Omit<Segment, "firstByte">,
): Promise<UnknownSegment> {
  const opened = await openUnknownSegment(blobs, row.key);
  if (opened.segment.treeHash !== row.treeHash || opened.segment.sizeBytes !== row.sizeBytes) {
    await opened.close();
    throw new CorruptSegmentError(row.key, "its footer is not the one of its row");
  }
  return opened;
}

async function readFooter(reader: BlobReader, key: string): Promise<Footer> {
  const tail = Buffer.alloc(footerTailLength);
  const sized = { key, firstByte: 0, sizeBytes: reader.sizeBytes };
  if (reader.sizeBytes < tail.length) {
    throw new CorruptSegmentError(key, `its file has ${reader.sizeBytes} bytes and no footer`);
  }
  await readOrCorrupt(reader, sized, tail, reader.sizeBytes - tail.length);
  const length = footerLengthAt(tail);
  const sizeBytes = reader.sizeBytes - (length ?? 0);
  // The length is bounded before memory is taken.
  if (length === null || sizeBytes < 1 || length > footerSizeMax(sizeBytes)) {
    throw new CorruptSegmentError(key, "its file does not end with a footer");
  }
  const bytes = Buffer.alloc(length);
  await readOrCorrupt(reader, sized, bytes, sizeBytes);
  const footer = decodeFooter(bytes, { key, sizeBytes });
  await assertConsistent(footer, { key, sizeBytes });
  return footer;
}

async function assertConsistent(footer: Footer, { key, sizeBytes }: Pick<Segment, "key" | "sizeBytes">): Promise<void> {
  const { ownerId, vaultArn, description, storedAt, firstByte, treeHash } = footer;
  const isWhole =
    [ownerId, vaultArn, description, treeHash].every((text) => typeof text === "string") &&
    Number.isSafeInteger(storedAt) &&
    Number.isSafeInteger(firstByte);
  if (!isWhole || footer.sizeBytes !== sizeBytes) {
    throw new CorruptSegmentError(key, "the descriptor in its footer does not describe it");
  }
  if (!key.slice(key.lastIndexOf("/") + 1).startsWith(`${ownerId}.`)) {
    throw new CorruptSegmentError(key, "its footer names another owner than its file");
  }
  if ((await rootOfLeaves(footer.leaves, 0, leafCount(sizeBytes))) !== treeHash) {
    throw new CorruptSegmentError(key, "the leaf hashes in its footer do not have its tree hash");
  }
}
