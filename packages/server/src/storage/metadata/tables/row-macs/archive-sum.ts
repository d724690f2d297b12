import { digestSizeBytes, type RowHasher, type SealedValues } from "./row-hasher.ts";

// The sum of the digests of a vault's archives, modulo 2^256: it is the same in whatever order they are added, and a row that is
// missing, or is there in addition, changes it.

export const emptySum: Uint8Array = new Uint8Array(digestSizeBytes);

/** Digest of the archive's row as it was while the archive lived: also of one that was deleted later. */
export function livingDigest(hasher: RowHasher, row: SealedValues): string {
  return hasher.digest("archives", { ...row, deleted_at: null, deleted_revision: null, listed: 1 });
}

export function addDigest(sum: Uint8Array, digest: string): Buffer {
  const result = Buffer.from(sum);
  addTo(result, digest);
  return result;
}

/** Counts, adds up and sums the archives that live in a vault as of a revision. */
export class ArchiveTotals {
  count = 0n;
  bytes = 0n;
  sum = emptySum;

  /** Passes over an archive that came later or was deleted before, and over damaged numbers. */
  add(hasher: RowHasher, row: SealedValues, revision: bigint): void {
    const { created_revision: created, deleted_revision: deleted = null, size_bytes: sizeBytes } = row;
    const isDeleted = deleted !== null && !(isWhole(deleted) && deleted > revision);
    if (isWhole(created) && created <= revision && !isDeleted) {
      this.count += 1n;
      this.bytes += isWhole(sizeBytes) ? BigInt(sizeBytes) : 0n;
      this.sum = addDigest(this.sum, livingDigest(hasher, row));
    }
  }
}

const isWhole = (value: unknown): value is number | bigint => typeof value === "bigint" || Number.isSafeInteger(value);

/** Adds a digest, as Latin-1, to a sum in place. Both are big-endian. */
export function addTo(sum: Uint8Array, digest: string): void {
  let carry = 0;
  for (let at = digestSizeBytes - 1; at >= 0; at -= 1) {
    const byte = (sum[at] ?? 0) + digest.charCodeAt(at) + carry;
    sum[at] = byte & 0xff;
    carry = byte >> 8;
  }
}

export function subtractDigest(sum: Uint8Array, digest: string): Buffer {
  const result = Buffer.from(sum);
  let borrow = 0;
  for (let at = digestSizeBytes - 1; at >= 0; at -= 1) {
    const byte = (result[at] ?? 0) - digest.charCodeAt(at) - borrow;
    result[at] = byte & 0xff;
    borrow = byte < 0 ? 1 : 0;
  }
  return result;
}
