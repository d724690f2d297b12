import { isPartSize, limits } from "@moraine/protocol";

const mebibyte = 1024 ** 2;

/** The smallest default for a source whose size is known: small enough to repeat, large enough for few requests. */
const partSizeBytesLeast = 16 * mebibyte;
/** A part that is interrupted starts over, so at a low rate parts are smaller, down to 1 MiB. */
const partSecondsMax = 60;

/**
 * The default for a source of unknown length: 10,000 parts hold 625 GiB. The size cannot grow within one upload, so longer streams need a
 * larger one.
 */
export const unknownLengthPartSizeBytes = 64 * mebibyte;

/**
 * Returns the smallest power of two with which 10,000 parts hold the source: at least 16 MiB, or less at a low rate. Throws RangeError
 * beyond 40 TB.
 */
export function partSizeFor(sizeBytes: number, bytesPerSecond = Number.POSITIVE_INFINITY): number {
  if (!(sizeBytes <= limits.archiveSizeBytesMax)) {
    throw new RangeError(`An archive holds at most ${limits.archiveSizeBytesMax} bytes, not ${sizeBytes}`);
  }
  let partSizeBytes = partSizeBytesLeast;
  while (partSizeBytes > limits.partSizeBytesMin && partSizeBytes > bytesPerSecond * partSecondsMax) {
    partSizeBytes /= 2;
  }
  while (partSizeBytes * limits.partCountMax < sizeBytes) {
    partSizeBytes *= 2;
  }
  return partSizeBytes;
}

/** Returns the part size that was asked for, or the default. Throws RangeError if it is invalid, or too small for the source. */
export function chosenPartSize(asked: number | undefined, sizeBytes: number | null, bytesPerSecond?: number): number {
  if (asked === undefined) {
    return sizeBytes === null ? unknownLengthPartSizeBytes : partSizeFor(sizeBytes, bytesPerSecond);
  }
  if (!isPartSize(asked)) {
    throw new RangeError(`Invalid part size ${asked}: expected 1 MiB times a power of two, up to 4 GiB`);
  }
  if (sizeBytes !== null && asked * limits.partCountMax < sizeBytes) {
    throw new RangeError(
      `Invalid part size ${asked}: 10,000 parts do not hold ${sizeBytes} bytes, expected at least ${partSizeFor(sizeBytes)}`,
    );
  }
  return asked;
}
