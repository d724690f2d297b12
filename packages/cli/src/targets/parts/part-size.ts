/** Larger parts, as archives above 78 GiB have, wait in a temporary file. */
export const inMemoryBytesMax = 8 * 1024 ** 2;
/** The maximum number of parts, of S3 and of vaults. */
const partCountMax = 10_000;

/**
 * Returns the size of parts: a power of two of mebibytes, so that the tree hashes of parts make the archive's. Parts of archives up to 78 GiB
 * fit in memory.
 */
export function partSizeFor(sizeBytes: number): number {
  let partSizeBytes = inMemoryBytesMax;
  while (partSizeBytes * partCountMax < sizeBytes) {
    partSizeBytes *= 2;
  }
  return partSizeBytes;
}
