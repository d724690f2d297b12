import { millisecondsPer } from "@moraine/protocol";
import { invariant } from "../../domain/invariant.ts";
import { StorageFullError } from "../../domain/stores/blob-store.ts";
import type { StorageReport } from "../../domain/stores/storage-report.ts";
import { type Disk, isOutOfSpace } from "./disk.ts";

const reserveBytesMax = 256 * 1024 ** 2;
const reserveShare = 0.05;
/** The metadata's log alone takes several MiB, however small the disk is. */
const reserveBytesMin = 16 * 1024 ** 2;
/** More than this share of a tiny disk is never reserved. */
const reserveShareMax = 0.25;
const sampleAgeMillisecondsMax = 1000;
/** A blob of one byte takes this much at least, with its footer and in whole blocks. */
const blobBytesMin = 4096;
/** A quota refuses bytes though the file system has room: then the disk counts as full for this long. */
const refusalMilliseconds = millisecondsPer.minute;

/** The bytes that one writer may still write. */
export interface SpaceReservation {
  /** Notes that this many claimed bytes are handed to the disk. */
  spend(sizeBytes: number): void;
  /** Notes that the disk has taken this many of the spent bytes, or has failed to. */
  written(sizeBytes: number): void;
  /** Gives back what was not spent; a second call does nothing. */
  release(): void;
}

/** The figures of the file system. */
export interface SpaceFigures {
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

interface Sample extends SpaceFigures {
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
  /** When the disk last refused bytes, by the monotonic clock. */
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(disk: Pick<Disk, "statfs">, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** Rejects with `StorageFullError` when this many bytes more would touch the reserve. */
  async claim(sizeBytes: number): Promise<SpaceReservation> {
    invariant(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, "a blob's size is a whole number of bytes");
    const age = performance.now() - (this.#sample?.takenAt ?? Number.NEGATIVE_INFINITY);
    if (age > sampleAgeMillisecondsMax || this.#freeBytes() < sizeBytes) {
      // Also before refusing: room that a deletion made counts at once.
      this.#sample = await this.#takeSample();
    }
    if (this.#freeBytes() < sizeBytes) {
      throw new StorageFullError(`No room for ${sizeBytes} bytes in addition to the reserve of free space`);
    }
    return this.#newClaim(sizeBytes);
  }

  /** As of the last look; null before the first. */
  get figures(): SpaceFigures | null {
    return this.#sample;
  }

  /** Asks the file system for its figures. */
  async measure(): Promise<SpaceFigures> {
    this.#sample = await this.#takeSample();
    return this.#sample;
  }

  /** Whether not even the smallest blob could be stored, as of the last figures and the last writes. */
  get isFull(): boolean {
    const hasNoRoom = this.#sample !== null && this.#sample.sizeBytes < blobBytesMin;
    return hasNoRoom || performance.now() - this.#refusedAt < refusalMilliseconds;
  }

  /** Notes a failure that may be the disk's refusal of more bytes, by its size or by a quota. */
  noteFailure(error: unknown): void {
    if (isOutOfSpace(error)) {
      this.#refusedAt = performance.now();
    }
  }

  /** Notes that a blob was stored. */
  noteStored(): void {
    this.#refusedAt = Number.NEGATIVE_INFINITY;
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
    const freeBytes = blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
    const reserveBytes = reserveOf(blocks * bsize);
    return { takenAt, writtenBefore, freeBytes, reserveBytes, sizeBytes: freeBytes - reserveBytes };
  }

  #newClaim(sizeBytes: number): SpaceReservation {
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

/** Null while there is room. */
export const diskFullOf = ({ isFull }: Pick<FreeSpace, "isFull">): StorageReport["readOnly"] =>
  isFull ? { kind: "disk_full", reason: "read-only: disk full" } : null;
