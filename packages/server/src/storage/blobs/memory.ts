import {
  BlobMissingError,
  type BlobReader,
  type BlobStore,
  type BlobWriter,
  type RemovalFailure,
  StorageFullError,
} from "../../domain/blob-store.ts";
import { invariant } from "../../domain/invariant.ts";
import { KeySource, partsOf } from "./blob-key.ts";

/** Keeps blobs in memory, for tests: the same contract as on a disk, gone with the process. */
export class MemoryBlobStore implements BlobStore {
  readonly #keys = new KeySource();
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #unfinished = new Set<string>();
  readonly #capacityBytes: number;

  /** @param capacityBytes where the store calls itself full. */
  constructor(capacityBytes = Number.POSITIVE_INFINITY) {
    this.#capacityBytes = capacityBytes;
  }

  newKey(ownerId: string): string {
    return this.#keys.next(ownerId);
  }

  async create(key: string, sizeBytes: number): Promise<BlobWriter> {
    partsOf(key);
    if (this.#storedBytes() + sizeBytes > this.#capacityBytes) {
      throw new StorageFullError(`No room for ${sizeBytes} bytes`);
    }
    if (this.#unfinished.has(key)) {
      throw new Error(`The blob ${key} is already being written`);
    }
    this.#unfinished.add(key);
    return new MemoryBlobWriter(sizeBytes, (bytes) => this.#end(key, bytes));
  }

  async open(key: string): Promise<BlobReader> {
    partsOf(key);
    const bytes = this.#blobs.get(key);
    if (bytes === undefined) {
      throw new BlobMissingError(key);
    }
    return new MemoryBlobReader(bytes);
  }

  async remove(keys: readonly string[]): Promise<RemovalFailure[]> {
    const failures: RemovalFailure[] = [];
    for (const key of keys) {
      try {
        partsOf(key);
        this.#blobs.delete(key);
      } catch (error) {
        failures.push({ key, error });
      }
    }
    return failures;
  }

  #end(key: string, bytes: Uint8Array | null): void {
    this.#unfinished.delete(key);
    if (bytes === null) {
      return;
    }
    if (this.#blobs.has(key)) {
      throw new Error(`There is already a blob ${key}`);
    }
    this.#blobs.set(key, bytes);
  }

  #storedBytes(): number {
    return [...this.#blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }
}

class MemoryBlobWriter implements BlobWriter {
  readonly #sizeBytesMax: number;
  /** Takes the whole blob, or null when there is to be none. */
  readonly #end: (bytes: Uint8Array | null) => void;
  /** Null once the blob is committed or discarded. */
  #pieces: Uint8Array[] | null = [];
  #sizeBytes = 0;

  constructor(sizeBytesMax: number, end: (bytes: Uint8Array | null) => void) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#end = end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#pieces !== null, "a blob is written before its end");
    invariant(this.#sizeBytes + bytes.length <= this.#sizeBytesMax, "a blob is not larger than it was said to become");
    this.#sizeBytes += bytes.length;
    // Not `slice`, which copies nothing when the bytes are a Buffer.
    this.#pieces.push(new Uint8Array(bytes));
  }

  async commit(): Promise<void> {
    invariant(this.#pieces !== null, "a blob is committed once");
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = null;
    this.#end(bytes);
  }

  async discard(): Promise<void> {
    if (this.#pieces !== null) {
      this.#pieces = null;
      this.#end(null);
    }
  }
}

class MemoryBlobReader implements BlobReader {
  readonly sizeBytes: number;
  /** Null once the reader is closed. */
  #bytes: Uint8Array | null;

  constructor(bytes: Uint8Array) {
    this.sizeBytes = bytes.length;
    this.#bytes = bytes;
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    if (this.#bytes === null) {
      throw new Error("The reader is closed");
    }
    if (position + into.length > this.sizeBytes) {
      throw new Error(`The blob ends at ${this.sizeBytes}, before the end of the range that was asked for`);
    }
    into.set(this.#bytes.subarray(position, position + into.length));
  }

  async close(): Promise<void> {
    this.#bytes = null;
  }
}
