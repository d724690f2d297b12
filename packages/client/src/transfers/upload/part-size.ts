import { isPartSize, limits } from "@moraine/protocol";

const mebibyte = 1024 ** 2;

/** Of a source whose size is known: small enough to repeat, large enough for few requests. */
const partSizeBytesLeast = 16 * mebibyte;
/** A part that is interrupted starts over, so at a low rate parts are smaller, down to 1 MiB. */
const partSecondsMax = 60;

/**
 * For a source whose length nobody knows: 10,000 parts of it hold 625 GiB. A part size cannot grow within one upload, so
 * whoever pipes more says so.
 */
export const unknownLengthPartSizeBytes = 64 * mebibyte;

/** The smallest power of two, from 16 MiB or what the rate allows, by which the size fits 10,000 parts. Throws RangeError beyond 40 TB. */
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

/** What was asked for, if it is legal and the size (null when unknown) fits; else the size of our choice. Throws RangeError. */
export function chosenPartSize(asked: number | undefined, sizeBytes: number | null, bytesPerSecond?: number): number {
  if (asked === undefined) {
    return sizeBytes === null ? unknownLengthPartSizeBytes : partSizeFor(sizeBytes, bytesPerSecond);
  }
  if (!isPartSize(asked)) {
    throw new RangeError(`A part size is 1 MiB times a power of two, up to 4 GiB; not ${asked}`);
  }
  if (sizeBytes !== null && asked * limits.partCountMax < sizeBytes) {
    throw new RangeError(
      `${sizeBytes} bytes do not fit 10,000 parts of ${asked}; parts of ${partSizeFor(sizeBytes)} bytes would do`,
    );
  }
  return asked;
}
