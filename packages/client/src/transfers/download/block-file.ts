import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { hasCode } from "../transfer-errors.ts";
import { openOwnFile } from "./own-file.ts";

/** Writes past the page cache begin and end at multiples of this: no device of today asks for more. */
export const alignmentBytes = 4096;

/**
 * A file that is written past the page cache where that can be: copying into the cache takes more of a processor than a hash
 * does, to keep what nobody may read again, and the sync waits for the disk all the same.
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

  /** Made if it is missing, and cut or extended to that size. */
  static async open(path: string, sizeBytes: number): Promise<BlockFile> {
    const { file: cached } = await openOwnFile(path, { flags: constants.O_RDWR, mode: 0o666 });
    try {
      const { size, dev, ino } = await cached.stat();
      if (size !== sizeBytes) {
        await cached.truncate(sizeBytes);
      }
      // Some file systems have no such way, some platforms no such flag.
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

  /** The bytes must stay as they are until it resolves. Past the cache can only go what begins at a page in memory. */
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

  /** Resolves to the number of bytes that went this way. */
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
      this.#isDirect = false; // The file system wants it otherwise, or the memory lies otherwise than it does today.
      return 0;
    }
  }

  /** One after the other: the system writes to a file one at a time, and keeps a processor busy with each that waits. */
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
    throw new Error(`Only ${bytesWritten} of ${bytes.length} bytes could be written`);
  }
}
