import {
  type ByteRange,
  fromHex,
  leafCount,
  leafSizeBytes,
  rootOf,
  type TreeHash,
  TreeHasher,
  toHex,
} from "@moraine/protocol";
import type { BlobStore } from "../domain/blob-store.ts";
import { invariant } from "../domain/invariant.ts";
import type { Segment } from "../domain/segment.ts";
import { leavesFrom, sha256 } from "./footer.ts";
import { openSegment } from "./open.ts";

/**
 * The tree hash of a range, from stored hashes alone: no archive byte is read.
 * @param range a node of the archive's tree. Parts are nodes too, so it lies within one segment or is made of whole ones.
 * @param segments those that hold the range, in order and without gaps.
 */
export async function rangeTreeHash(
  blobs: BlobStore,
  segments: AsyncIterable<Segment>,
  range: ByteRange,
): Promise<TreeHash> {
  const whole = new TreeHasher(sha256);
  for await (const segment of segments) {
    if (!isWithin(segment, range)) {
      return hashWithin(blobs, segment, range);
    }
    whole.push(fromHex(segment.treeHash));
  }
  return toHex(whole.root());
}

function isWithin(segment: Segment, range: ByteRange): boolean {
  return segment.firstByte >= range.firstByte && segment.firstByte + segment.sizeBytes <= range.lastByte + 1;
}

/** Of a range that is a part of one segment: from that segment's leaves. */
async function hashWithin(blobs: BlobStore, segment: Segment, range: ByteRange): Promise<TreeHash> {
  const endByte = segment.firstByte + segment.sizeBytes;
  const holdsRange = segment.firstByte <= range.firstByte && endByte > range.lastByte;
  invariant(holdsRange, "an aligned range is a part of one segment, or whole ones");
  const { reader, footer } = await openSegment(blobs, segment);
  await reader.close();
  const first = (range.firstByte - segment.firstByte) / leafSizeBytes;
  const end = leafCount(range.lastByte + 1 - segment.firstByte);
  return toHex(rootOf(leavesFrom(footer, first, end), sha256));
}
