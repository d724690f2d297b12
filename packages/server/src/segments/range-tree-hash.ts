import { type ByteRange, fromHex, leafCount, leafSizeBytes, type TreeHash, TreeHasher, toHex } from "@moraine/protocol";
import { invariant } from "../domain/invariant.ts";
import { coveringSlices, type SegmentPages, type SegmentSlice } from "./coverage.ts";
import { sha256 } from "./footer.ts";
import { rootOfLeaves } from "./hashing/leaves-root.ts";
import type { SegmentOpener } from "./open.ts";

/**
 * The tree hash of a range, from stored hashes alone: no archive byte is read. Throws CorruptSegmentError when the segments do
 * not cover the range.
 * @param range a node of the archive's tree. Parts are nodes too, so it lies within one segment or is made of whole ones.
 * @param segments those that hold the range, in order.
 */
export async function rangeTreeHash(
  opener: SegmentOpener,
  segments: SegmentPages,
  range: ByteRange,
): Promise<TreeHash> {
  const tree = new TreeHasher(sha256);
  let slicesSeen = 0;
  let within: SegmentSlice | null = null;
  for await (const slices of coveringSlices(segments, range)) {
    for (const slice of slices) {
      slicesSeen += 1;
      if (slice.first === 0 && slice.end === slice.segment.sizeBytes) {
        tree.push(fromHex(slice.segment.treeHash));
      } else {
        within = slice;
      }
    }
  }
  if (within === null) {
    return toHex(tree.root());
  }
  invariant(slicesSeen === 1, "an aligned range is a part of one segment, or whole ones");
  return sliceTreeHash(opener, within);
}

async function sliceTreeHash(opener: SegmentOpener, { segment, first, end }: SegmentSlice): Promise<TreeHash> {
  const { footer, close } = await opener.open(segment);
  await close();
  return rootOfLeaves(footer.leaves, first / leafSizeBytes, leafCount(end));
}
