import { StorageFullError } from "../../domain/blob-store.ts";
import { invariant } from "../../domain/invariant.ts";
import type { Disk } from "./disk.ts";

const reserveBytesMax = 256 * 1024 ** 2;
const reserveShare = 0.05;
/** The metadata's log alone takes several MiB, however small the disk is. */
const reserveBytesMin = 16 * 1024 ** 2;
/** More than this share of a tiny disk is never reserved. */
const reserveShareMax = 0.25;
const sampleAgeMillisecondsMax = 1000;

/** What one writer may still write. */
export interface SpaceClaim {
  /** Notes that so many claimed bytes are handed to the disk. */
  spend(sizeBytes: number): void;
  /** Notes that the disk has taken so many of the spent bytes, or has failed to. */
  written(sizeBytes: number): void;
  /** Gives back what was not spent; a second call does nothing. */
  release(): void;
}

interface Sample {
  readonly takenAt: number;
  /** Free for blobs, the reserve taken off. */
  readonly sizeBytes: number;
  readonly writtenBefore: number;
}

/**
 * Keeps a part of the disk free, so that metadata, reads and deletions work when blobs no longer fit. The figure of
 * the file system is asked for at most once a second, and corrected by what was written since.
 */
export class FreeSpace {
  readonly #disk: Pick<Disk, "statfs">;
  readonly #folder: string;
  #sample: Sample | null = null;
  #writtenBytes = 0;
  /** Claimed, or handed to the disk but not in its figure yet. */
  #unwrittenBytes = 0;

  constructor(disk: Pick<Disk, "statfs">, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** Rejects with `StorageFullError` when so many bytes more would touch the reserve. */
  async claim(sizeBytes: number): Promise<SpaceClaim> {
    invariant(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, "a blob's size is a whole number of bytes");
    const age = performance.now() - (this.#sample?.takenAt ?? Number.NEGATIVE_INFINITY);
    if (age > sampleAgeMillisecondsMax || this.#freeBytes() < sizeBytes) {
      // Also before refusing: room that a deletion made counts at once.
      this.#sample = await this.#takeSample();
    }
    if (this.#freeBytes() < sizeBytes) {
      throw new StorageFullError(`No room for ${sizeBytes} bytes beside the reserve of free space`);
    }
    return this.#newClaim(sizeBytes);
  }

  #freeBytes(): number {
    if (this.#sample === null) {
      return 0;
    }
    return this.#sample.sizeBytes - (this.#writtenBytes - this.#sample.writtenBefore) - this.#unwrittenBytes;
  }

  async #takeSample(): Promise<Sample> {
    const takenAt = performance.now();
    const writtenBefore = this.#writtenBytes;
    const { bavail, blocks, bsize } = await this.#disk.statfs(this.#folder);
    // Zero blocks in all is how a file system says that it has no figure to give.
    const sizeBytes = blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize - reserveOf(blocks * bsize);
    return { takenAt, writtenBefore, sizeBytes };
  }

  #newClaim(sizeBytes: number): SpaceClaim {
    let left = sizeBytes;
    this.#unwrittenBytes += sizeBytes;
    return {
      spend: (spentBytes) => {
        invariant(spentBytes <= left, "a blob is not larger than it was said to become");
        left -= spentBytes;
      },
      written: (writtenBytes) => {
        this.#unwrittenBytes -= writtenBytes;
        this.#writtenBytes += writtenBytes;
      },
      release: () => {
        this.#unwrittenBytes -= left;
        left = 0;
      },
    };
  }
}

function reserveOf(totalBytes: number): number {
  const shareBytes = Math.max(reserveBytesMin, totalBytes * reserveShare);
  return Math.min(reserveBytesMax, shareBytes, totalBytes * reserveShareMax);
}
