import type { ByteRange } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";

/** Segments that hold a range, in order, in pages of any length. */
export type SegmentPages = Iterable<readonly Segment[]> | AsyncIterable<readonly Segment[]>;

/** The bytes of a range that lie in one segment; both positions count from the segment's first byte. */
export interface SegmentSlice {
  readonly segment: Segment;
  readonly first: number;
  readonly end: number;
}

/**
 * Slices that hold every byte of the range exactly once, page by page. Rows may be lost, and an index may be damaged: throws
 * CorruptSegmentError where a byte is in no segment or in two. A page is yielded only when the next one has been checked, so
 * that a short list fails before any of its bytes are sent.
 */
export async function* coveringSlices(
  pages: SegmentPages,
  range: ByteRange,
): AsyncGenerator<readonly SegmentSlice[], void, void> {
  let next = range.firstByte;
  let checked: readonly SegmentSlice[] = [];
  for await (const page of pages) {
    const slices = slicesFrom(page, range, next);
    if (checked.length > 0) {
      yield checked;
    }
    checked = slices;
    next += slices.reduce((sum, { first, end }) => sum + end - first, 0);
    if (next > range.lastByte) {
      break;
    }
  }
  if (next <= range.lastByte) {
    throw gapAt(next);
  }
  yield checked;
}

/** @param start the first byte of the range that no earlier page holds. */
function slicesFrom(page: readonly Segment[], range: ByteRange, start: number): SegmentSlice[] {
  const slices: SegmentSlice[] = [];
  let next = start;
  for (const segment of page) {
    if (next > range.lastByte) {
      break;
    }
    assertHolds(segment, next, next > range.firstByte);
    const end = Math.min(range.lastByte + 1 - segment.firstByte, segment.sizeBytes);
    slices.push({ segment, first: next - segment.firstByte, end });
    next = segment.firstByte + end;
  }
  return slices;
}

function assertHolds({ firstByte, sizeBytes }: Segment, byte: number, isContinued: boolean): void {
  if (!(firstByte <= byte && byte < firstByte + sizeBytes)) {
    throw gapAt(byte);
  }
  if (isContinued && firstByte < byte) {
    const place = { firstByte, lastByte: firstByte };
    throw new CorruptSegmentError(null, `two segments hold byte ${firstByte} of their archive`, { place });
  }
}

function gapAt(byte: number): CorruptSegmentError {
  const place = { firstByte: byte, lastByte: byte };
  return new CorruptSegmentError(null, `no segment holds byte ${byte} of its archive`, { place });
}
