import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { hasCode } from "../../../error-code.ts";
import { openOwnFile } from "./own-file.ts";

/** Writes past the page cache must begin and end at multiples of this; no current device requires more. */
export const alignmentBytes = 4096;

/**
 * A file that is written past the page cache where possible. Copying into the cache takes more CPU time than hashing, for bytes that may
 * never be read again, and the sync has to wait for the disk anyway.
 */
export class BlockFile {
  readonly #cached: FileHandle;
  readonly #direct: FileHandle | null;
  #isDirect: boolean;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(cached: FileHandle, direct: FileHandle | null) {
    this.#cached = cached;
    this.#direct = direct;
    this.#isDirect = direct !== null;
  }

  /** Opens the file, or creates it, and truncates or extends it to the size. */
  static async open(path: string, sizeBytes: number): Promise<BlockFile> {
    const { file: cached } = await openOwnFile(path, { flags: constants.O_RDWR, mode: 0o666 });
    try {
      const { size, dev, ino } = await cached.stat();
      if (size !== sizeBytes) {
        await cached.truncate(sizeBytes);
      }
      // Some file systems have no direct writes, and some platforms no such flag.
      const direct = await open(path, constants.O_RDWR | constants.O_DIRECT | constants.O_NOFOLLOW).catch(() => null);
      const again = await direct?.stat();
      const isSame = again?.dev === dev && again.ino === ino;
      if (!isSame) {
        await direct?.close();
      }
      return new BlockFile(cached, isSame ? direct : null);
    } catch (error) {
      await cached.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#cached.fd;
  }

  /** Writes bytes, which must not change until it resolves. Only those that begin at a page in memory are written past the cache. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    const isAligned = this.#isDirect && position % alignmentBytes === 0;
    const directBytes = isAligned ? bytes.length - (bytes.length % alignmentBytes) : 0;
    const writtenBytes = await this.#writeDirect(bytes.subarray(0, directBytes), position);
    await this.#writeCached(bytes.subarray(writtenBytes), position + writtenBytes);
  }

  async sync(): Promise<void> {
    await this.#cached.datasync();
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct?.close(), this.#cached.close()]);
  }

  /** Writes past the page cache, if possible. Resolves to the number of bytes written. */
  async #writeDirect(bytes: Uint8Array, position: number): Promise<number> {
    if (this.#direct === null || bytes.length === 0) {
      return 0;
    }
    try {
      await writeAll(this.#direct, bytes, position);
      return bytes.length;
    } catch (error) {
      if (!hasCode(error, "EINVAL")) {
        throw error;
      }
      this.#isDirect = false; // The file system requires another alignment, or memory is no longer aligned as assumed.
      return 0;
    }
  }

  /** Writes one after the other: the system serializes writes to a file, and each that waits keeps a CPU busy. */
  async #writeCached(bytes: Uint8Array, position: number): Promise<void> {
    if (bytes.length === 0) {
      return;
    }
    const turn = this.#last.then(() => writeAll(this.#cached, bytes, position));
    this.#last = turn.catch(() => undefined);
    await turn;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, position);
  if (bytesWritten !== bytes.length) {
    throw new Error(`Wrote ${bytesWritten} of ${bytes.length} bytes`);
  }
}
