import type { FileHandle } from "node:fs/promises";
import type { BlobReader, UncachedReader } from "../../domain/stores/blob-store.ts";
import { errorCode } from "../../files/missing.ts";

/** Disks need this alignment of lengths, positions and memory past the page cache. */
const alignmentBytes = 4096;

/** Reads one file past the page cache, as far as the file system can. */
export class UncachedBlobReader implements UncachedReader {
  readonly #cached: BlobReader;
  readonly #scratch: Uint8Array;
  #direct: FileHandle | null;
  #isUncached: boolean;
  /** Whether the memory of callers has been taken as it is. */
  #takesTheirs = true;

  /** @param direct the same file, opened past the page cache; null where there is no such thing. */
  constructor(cached: BlobReader, direct: FileHandle | null, scratch: Uint8Array) {
    this.#cached = cached;
    this.#direct = direct;
    this.#isUncached = direct !== null;
    this.#scratch = scratch;
  }

  get sizeBytes(): number {
    return this.#cached.sizeBytes;
  }

  get isUncached(): boolean {
    return this.#isUncached;
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const rest = into.subarray(done);
      const bytesRead = this.#isUncached ? await this.#readSome(rest, position + done) : null;
      if (bytesRead === null) {
        await this.#cached.read(rest, position + done);
        return;
      }
      if (bytesRead === 0) {
        throw new Error(`The blob ends at ${position + done}, before the end of the range that was asked for`);
      }
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    const direct = this.#direct;
    this.#direct = null;
    await direct?.close();
    await this.#cached.close();
  }

  /** Null when it cannot be read past the page cache. */
  async #readSome(into: Uint8Array, position: number): Promise<number | null> {
    const length = into.length - (into.length % alignmentBytes);
    if (this.#takesTheirs && length > 0 && position % alignmentBytes === 0) {
      const bytesRead = await this.#readDirect(into.subarray(0, length), position);
      if (bytesRead !== null) {
        return bytesRead;
      }
      // Their memory may lie unevenly.
      this.#takesTheirs = false;
    }
    return this.#readThroughScratch(into, position);
  }

  async #readThroughScratch(into: Uint8Array, position: number): Promise<number | null> {
    const ahead = position % alignmentBytes;
    const bytesRead = await this.#readDirect(this.#scratch, position - ahead);
    if (bytesRead === null) {
      this.#isUncached = false;
      return null;
    }
    const found = this.#scratch.subarray(ahead, Math.max(ahead, bytesRead)).subarray(0, into.length);
    into.set(found);
    return found.length;
  }

  async #readDirect(into: Uint8Array, position: number): Promise<number | null> {
    try {
      return (await this.#direct?.read(into, 0, into.length, position))?.bytesRead ?? null;
    } catch (error) {
      if (errorCode(error) === "EINVAL") {
        return null;
      }
      throw error;
    }
  }
}
