import {
  type ByteRange,
  fromHex,
  leafCount,
  leafSizeBytes,
  rangeLength,
  rootOf,
  type TreeHash,
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
 * @param segments those that hold the range, in order.
 */
export async function rangeTreeHash(
  blobs: BlobStore,
  segments: readonly Segment[],
  range: ByteRange,
): Promise<TreeHash> {
  const wholeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  if (wholeBytes === rangeLength(range)) {
    return toHex(
      rootOf(
        segments.map((segment) => fromHex(segment.treeHash)),
        sha256,
      ),
    );
  }
  const segment = segments[0];
  invariant(segment !== undefined && segments.length === 1, "an aligned range is a part of one segment, or whole ones");
  const { reader, footer } = await openSegment(blobs, segment);
  await reader.close();
  const first = (range.firstByte - segment.firstByte) / leafSizeBytes;
  const end = leafCount(range.lastByte + 1 - segment.firstByte);
  return toHex(rootOf(leavesFrom(footer, first, end), sha256));
}
