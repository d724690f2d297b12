import { type ByteRange, leafSizeBytes } from "@moraine/protocol";
import { assertCount } from "../../assert-count.ts";

/** A piece of an output that is fetched, verified and recorded as one. */
export interface PlannedRange extends ByteRange {
  readonly index: number;
}

const rangeSizeBytesUsual = 16 * 1024 ** 2;
/** From here on ranges are twice as large, since each costs both ends some milliseconds; below, less is lost with a range. */
const largeBytes = 512 * 1024 ** 2;
/** Records in a journal, at most, where no size was asked for. */
const rangeCountUsual = 16_384;
/** And where a size was asked for: larger outputs get larger ranges. */
const rangeCountMax = 131_072;

/**
 * A power of two of mebibytes: 16, from 512 MiB on 32. Less where a connection may bring only so many bytes a second, for what is under
 * way is what a kill costs; and as much more as keeps the number of ranges in bounds.
 */
export function rangeSizeFor(totalBytes: number, connectionBytesPerSecond = Number.POSITIVE_INFINITY): number {
  let size = totalBytes < largeBytes ? rangeSizeBytesUsual : 2 * rangeSizeBytesUsual;
  while (size > Math.max(connectionBytesPerSecond, leafSizeBytes)) {
    size /= 2;
  }
  return withinCount(size, totalBytes, rangeCountUsual);
}

/** Returns the size that was asked for, or as much more as keeps what a download has to remember in bounds. */
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

/** Throws RangeError unless the size is a power of two of at least 1 MiB: others do not make nodes of a tree. */
export function assertRangeSize(rangeSizeBytes: number): void {
  const leaves = rangeSizeBytes / leafSizeBytes;
  if (!(Number.isInteger(Math.log2(leaves)) && leaves >= 1)) {
    throw new RangeError(`A range size is 1 MiB times a power of two; not ${rangeSizeBytes}`);
  }
}

export interface RangeOptions {
  readonly concurrency?: number | undefined;
  readonly rangeSizeBytes?: number | undefined;
}

/** Throws RangeError for values with which no download can end well; called before anything is asked of the service. */
export function assertRangeOptions({ concurrency, rangeSizeBytes }: RangeOptions): void {
  if (concurrency !== undefined) {
    assertCount("concurrency", concurrency);
  }
  if (rangeSizeBytes !== undefined) {
    assertRangeSize(rangeSizeBytes);
  }
}

/** Returns the part of an output that is wanted: all of it where none is given. Throws RangeError for one that is not within it. */
export function wantedRange(range: ByteRange | undefined, totalBytes: number): ByteRange {
  const { firstByte, lastByte } = range ?? { firstByte: 0, lastByte: totalBytes - 1 };
  const areWhole = Number.isSafeInteger(firstByte) && Number.isSafeInteger(lastByte);
  if (!(areWhole && firstByte >= 0 && firstByte <= lastByte && lastByte < totalBytes)) {
    throw new RangeError(`Invalid range ${firstByte}-${lastByte}: expected bytes within 0-${totalBytes - 1}`);
  }
  return { firstByte, lastByte };
}

/**
 * Cuts `wanted`, a part of an output of `totalBytes`, into ranges of `rangeSizeBytes` or less that are nodes of the output's
 * tree: only for those the service gives a checksum. What lies beside whole mebibytes at either end of
 * `wanted` cannot be one, and becomes a range of its own.
 *
 * The ranges are computed as they are asked for, each time anew: of 40 TB there may be millions.
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

/** Returns the first range of such a plan. */
export function firstRange({ firstByte, lastByte }: ByteRange, totalBytes: number, rangeSizeBytes: number): ByteRange {
  const end = lastByte + 1;
  return { firstByte, lastByte: Math.min(endOfRange(firstByte, end, totalBytes, rangeSizeBytes), end) - 1 };
}

/** Whether each range of a plan is a node of the output's tree: those within whole mebibytes are. */
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
  // A node that the end of the archive cuts short is a node all the same; one that the end of the wish cuts short is none.
  const isCut = (size: number) => first + size > end && end !== totalBytes;
  while (span > leafSizeBytes && isCut(span)) {
    span /= 2;
  }
  return first + span;
}
