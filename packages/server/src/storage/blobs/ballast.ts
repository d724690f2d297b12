import { randomFillSync } from "node:crypto";
import { constants } from "node:fs";
import * as nodeFiles from "node:fs/promises";
import { ifPresent } from "../../files/missing.ts";

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

/** Enough for the metadata's log to open, to be moved into the database, and to record many deletions. */
const sizeBytesMax = 16 * 1024 ** 2;
/** Share of a small disk. */
const shareMax = 1 / 8;
const chunkBytes = 1024 ** 2;

/** The calls through which the ballast is made, so that a test can make any one of them fail. */
export type BallastDisk = Pick<typeof nodeFiles, "open" | "stat" | "statfs" | "unlink">;

/**
 * A file that holds nothing but room. It is removed when the disk is full, so that the metadata can be opened and deletions
 * be recorded, and made again once there is room.
 */
export class Ballast {
  readonly #path: string;
  readonly #folder: string;
  readonly #disk: BallastDisk;

  constructor(path: string, folder: string, disk: BallastDisk = nodeFiles) {
    this.#path = path;
    this.#folder = folder;
    this.#disk = disk;
  }

  /** Removes the ballast if fewer bytes than its size are free. */
  async releaseIfFull(): Promise<boolean> {
    const { bavail, blocks, bsize } = await this.#disk.statfs(this.#folder);
    // Zero blocks in all is how a file system says that it has no figure to give.
    const isFull = blocks > 0 && bavail * bsize < ballastBytesOf(blocks * bsize);
    return isFull && (await this.release());
  }

  /** Removes the ballast. False when there was none. */
  async release(): Promise<boolean> {
    return (await ifPresent(this.#disk.unlink(this.#path).then(() => true))) ?? false;
  }

  /** The bytes that the ballast still lacks; 0 when it is complete. */
  async missingBytes(): Promise<number> {
    const { blocks, bsize } = await this.#disk.statfs(this.#folder);
    const wantedBytes = ballastBytesOf(blocks * bsize);
    const made = await ifPresent(this.#disk.stat(this.#path));
    return made !== null && made.size >= wantedBytes ? 0 : wantedBytes;
  }

  /**
   * Writes the ballast: bytes that no file system can compress, so that they really take their room. An earlier attempt is
   * written over. When it rejects, a shorter one is left.
   */
  async make(sizeBytes: number): Promise<void> {
    const file = await this.#disk.open(this.#path, O_CREAT | O_NOFOLLOW | O_TRUNC | O_WRONLY, 0o600);
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (let done = 0; done < sizeBytes; done += chunkBytes) {
        await file.writeFile(randomFillSync(chunk).subarray(0, sizeBytes - done));
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function ballastBytesOf(totalBytes: number): number {
  return Math.floor(Math.min(sizeBytesMax, totalBytes * shareMax));
}
