import { type ByteRange, leafSizeBytes } from "@moraine/protocol";
import { assertCount } from "../../../assert-count.ts";

/** A part of an output that is fetched, verified and recorded as one. */
export interface PlannedRange extends ByteRange {
  readonly index: number;
}

const rangeSizeBytesUsual = 16 * 1024 ** 2;
/**
 * Outputs from this size on have ranges twice as large, since each range costs both ends some milliseconds. In smaller outputs, less is
 * lost with a range.
 */
const largeBytes = 512 * 1024 ** 2;
/** The maximum number of ranges, if no size was given. */
const rangeCountUsual = 16_384;
/** The maximum number of ranges, if a size was given: larger outputs get larger ranges. */
const rangeCountMax = 131_072;

/**
 * Chooses the size of ranges: 16 MiB, from 512 MiB on 32 MiB, or another power of two. It is smaller if a connection is slow, since a kill
 * loses the ranges in progress; and as much larger as keeps the number of ranges in bounds.
 */
export function rangeSizeFor(totalBytes: number, connectionBytesPerSecond = Number.POSITIVE_INFINITY): number {
  let size = totalBytes < largeBytes ? rangeSizeBytesUsual : 2 * rangeSizeBytesUsual;
  while (size > Math.max(connectionBytesPerSecond, leafSizeBytes)) {
    size /= 2;
  }
  return withinCount(size, totalBytes, rangeCountUsual);
}

/** Returns the size that was asked for, or a larger one that keeps the number of ranges in bounds. */
export function boundedRangeSize(askedBytes: number, totalBytes: number): number {
  return withinCount(askedBytes, totalBytes, rangeCountMax);
}

function withinCount(leastBytes: number, totalBytes: number, countMax: number): number {
  let size = leastBytes;
  while (size * countMax < totalBytes) {
    size *= 2;
  }
  return size;
}

/** Throws RangeError unless the size is a power of two of at least 1 MiB: only such ranges are nodes of a tree. */
export function assertRangeSize(rangeSizeBytes: number): void {
  const leaves = rangeSizeBytes / leafSizeBytes;
  if (!(Number.isInteger(Math.log2(leaves)) && leaves >= 1)) {
    throw new RangeError(`Invalid range size ${rangeSizeBytes}: expected 1 MiB times a power of two`);
  }
}

export interface RangeOptions {
  readonly concurrency?: number | undefined;
  readonly rangeSizeBytes?: number | undefined;
}

/** Throws RangeError for invalid options. Called before any request. */
export function assertRangeOptions({ concurrency, rangeSizeBytes }: RangeOptions): void {
  if (concurrency !== undefined) {
    assertCount("concurrency", concurrency);
  }
  if (rangeSizeBytes !== undefined) {
    assertRangeSize(rangeSizeBytes);
  }
}

/** Returns the given range, or the entire output. Throws RangeError for a range that is not within the output. */
export function wantedRange(range: ByteRange | undefined, totalBytes: number): ByteRange {
  const { firstByte, lastByte } = range ?? { firstByte: 0, lastByte: totalBytes - 1 };
  const areWhole = Number.isSafeInteger(firstByte) && Number.isSafeInteger(lastByte);
  if (!(areWhole && firstByte >= 0 && firstByte <= lastByte && lastByte < totalBytes)) {
    throw new RangeError(`Invalid range ${firstByte}-${lastByte}: expected bytes within 0-${totalBytes - 1}`);
  }
  return { firstByte, lastByte };
}

/**
 * Divides `wanted`, a part of an output of `totalBytes`, into ranges of at most `rangeSizeBytes` that are nodes of the output's tree: only
 * those get a checksum from the service. The incomplete mebibytes at either end of `wanted` are no nodes, and become ranges of their own.
 *
 * The ranges are computed at each iteration, not kept: 40 TB may have millions.
 */
export function planRanges(wanted: ByteRange, totalBytes: number, rangeSizeBytes: number): Iterable<PlannedRange> {
  return { [Symbol.iterator]: () => plannedRanges(wanted, totalBytes, rangeSizeBytes) };
}

function* plannedRanges(
  { firstByte, lastByte }: ByteRange,
  totalBytes: number,
  rangeSizeBytes: number,
): Generator<PlannedRange, void, void> {
  const end = lastByte + 1;
  let first = firstByte;
  for (let index = 0; first < end; index += 1) {
    const next = Math.min(endOfRange(first, end, totalBytes, rangeSizeBytes), end);
    yield { index, firstByte: first, lastByte: next - 1 };
    first = next;
  }
}

/** Returns the first range of the plan that `planRanges` makes. */
export function firstRange({ firstByte, lastByte }: ByteRange, totalBytes: number, rangeSizeBytes: number): ByteRange {
  const end = lastByte + 1;
  return { firstByte, lastByte: Math.min(endOfRange(firstByte, end, totalBytes, rangeSizeBytes), end) - 1 };
}

/** Whether each range of a plan is a node of the output's tree: it is if the plan begins and ends at whole mebibytes. */
export function areNodes({ firstByte, lastByte }: ByteRange, totalBytes: number): boolean {
  const end = lastByte + 1;
  return firstByte % leafSizeBytes === 0 && (end % leafSizeBytes === 0 || end === totalBytes);
}

function endOfRange(first: number, end: number, totalBytes: number, rangeSizeBytes: number): number {
  const past = first % leafSizeBytes;
  if (past !== 0) {
    return first - past + leafSizeBytes;
  }
  let span = rangeSizeBytes;
  while (first % span !== 0) {
    span /= 2;
  }
  // A node may be cut short by the end of the output, but not by the end of the wanted range.
  const isCut = (size: number) => first + size > end && end !== totalBytes;
  while (span > leafSizeBytes && isCut(span)) {
    span /= 2;
  }
  return first + span;
}
