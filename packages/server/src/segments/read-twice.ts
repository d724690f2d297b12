import { createHash } from "node:crypto";
import { leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { leafAt, sha256 } from "./footer.ts";
import { leafRange, type OpenSegment, readOrCorrupt } from "./open.ts";

const pieceSizeBytes = 64 * 1024;

/**
 * The bytes of a leaf between two offsets in the segment, verified, in little memory and at three times the cost: the leaf is
 * read once to be compared with its hash, and once more to be passed on, each piece only if it still is what it was then.
 */
async function* readTwice(
  open: OpenSegment,
  segment: Segment,
  leaf: number,
  { first, end }: { readonly first: number; readonly end: number },
): AsyncGenerator<Uint8Array, void, void> {
  const leafStart = leaf * leafSizeBytes;
  const leafEnd = Math.min(leafStart + leafSizeBytes, segment.sizeBytes);
  const memory = Buffer.allocUnsafeSlow(pieceSizeBytes);
  const read = async (start: number) => {
    const piece = memory.subarray(0, Math.min(pieceSizeBytes, leafEnd - start));
    await readOrCorrupt(open.reader, segment, piece, start);
    return piece;
  };
  const whole = createHash("sha256");
  const seen = new Map<number, Buffer>();
  for (let start = leafStart; start < leafEnd; start += pieceSizeBytes) {
    const piece = await read(start);
    whole.update(piece);
    seen.set(start, sha256(piece));
  }
  if (!whole.digest().equals(leafAt(open.footer, leaf))) {
    throw leafMismatch(segment, leaf);
  }
  for (const [start, hash] of seen) {
    const from = Math.max(first - start, 0);
    const to = Math.min(end - start, pieceSizeBytes);
    if (from < to) {
      const piece = await read(start);
      if (!sha256(piece).equals(hash)) {
        throw leafMismatch(segment, leaf);
      }
      yield piece.subarray(from, to);
    }
  }
}

/** Reads the second copy if the first is damaged, and nothing of the leaf was passed on yet. */
export async function* readTwiceOrInstead(
  open: OpenSegment,
  segment: Segment,
  leaf: number,
  range: { readonly first: number; readonly end: number },
): AsyncGenerator<Uint8Array, void, void> {
  let isYielded = false;
  try {
    for await (const piece of readTwice(open, segment, leaf, range)) {
      isYielded = true;
      yield piece;
    }
  } catch (error) {
    if (isYielded || open.instead === undefined) {
      throw error;
    }
    const copy = await open.instead(error);
    try {
      yield* readTwice(copy, segment, leaf, range);
    } finally {
      await copy.close();
    }
  }
}

export function leafMismatch(segment: Segment, leaf: number): CorruptSegmentError {
  const start = leaf * leafSizeBytes;
  const options = { place: leafRange(segment, start) };
  return new CorruptSegmentError(segment.key, `the MiB at byte ${start} does not match its hash`, options);
}
