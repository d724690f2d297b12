import { invariant } from "../../src/domain/invariant.ts";
import {
  type BlobDriver,
  BlobMissingError,
  type BlobPage,
  type BlobReader,
  type BlobStore,
  type BlobWriter,
  type RemovalFailure,
  StorageFullError,
  type UncachedReader,
} from "../../src/domain/stores/blob-store.ts";
import { KeySource, partsOf } from "../../src/storage/blobs/blob-key.ts";

const pageKeys = 10;
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** Keeps blobs in memory, for tests: the same contract as on a disk, gone with the process. */
export class MemoryBlobStore implements BlobStore, Pick<BlobDriver, "list"> {
  readonly #keys: KeySource;
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #storedAt = new Map<string, number>();
  readonly #unfinished = new Set<string>();
  #unfinishedBytes = 0;
  readonly #capacityBytes: number;

  /** @param capacityBytes where the store calls itself full. @param shelfSeed decides in which folders a disk would have the blobs. */
  constructor(capacityBytes = Number.POSITIVE_INFINITY, shelfSeed?: string) {
    this.#keys = new KeySource(shelfSeed);
    this.#capacityBytes = capacityBytes;
  }

  /** As a start does: the next blob lies in another folder. */
  changeShelf(): void {
    this.#keys.changeShelf();
  }

  newKey(ownerId: string): string {
    return this.#keys.next(ownerId);
  }

  async create(key: string, sizeBytesMax: number, sizeBytesMin = sizeBytesMax): Promise<BlobWriter> {
    partsOf(key);
    this.#assertRoom(sizeBytesMin);
    if (this.#unfinished.has(key)) {
      throw new Error(`The blob ${key} is already being written`);
    }
    this.#unfinished.add(key);
    return new MemoryBlobWriter(sizeBytesMax, {
      take: (sizeBytes) => this.#take(sizeBytes),
      end: (bytes, takenBytes) => this.#end(key, bytes, takenBytes),
    });
  }

  async open(key: string): Promise<BlobReader> {
    partsOf(key);
    const bytes = this.#blobs.get(key);
    if (bytes === undefined) {
      throw new BlobMissingError(key);
    }
    return new MemoryBlobReader(bytes);
  }

  /** Damages a blob, as a medium does that keeps it. */
  flipBit(key: string, position: number, bit: number): void {
    const bytes = this.#blobs.get(key);
    invariant(bytes !== undefined && position < bytes.length, "the bit is one of a blob that is stored");
    bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
  }

  async openUncached(key: string): Promise<UncachedReader> {
    const reader = await this.open(key);
    return Object.assign(reader, { isUncached: true });
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

  async *list(prefix: string): AsyncGenerator<BlobPage, void, void> {
    const keys = [...this.#blobs.keys()].filter((key) => key.startsWith(prefix)).sort(byBytes);
    for (let start = 0; start < keys.length; start += pageKeys) {
      const blobs = keys.slice(start, start + pageKeys).flatMap((key) => {
        const bytes = this.#blobs.get(key);
        return bytes === undefined ? [] : [{ key, sizeBytes: bytes.length, changedAt: this.#storedAt.get(key) ?? 0 }];
      });
      yield { blobs, listedAt: Date.now() };
    }
  }

  #take(sizeBytes: number): void {
    this.#assertRoom(sizeBytes);
    this.#unfinishedBytes += sizeBytes;
  }

  #assertRoom(sizeBytes: number): void {
    if (this.#storedBytes() + this.#unfinishedBytes + sizeBytes > this.#capacityBytes) {
      throw new StorageFullError(`No room for ${sizeBytes} bytes`);
    }
  }

  #end(key: string, bytes: Uint8Array | null, takenBytes: number): void {
    this.#unfinished.delete(key);
    this.#unfinishedBytes -= takenBytes;
    if (bytes === null) {
      return;
    }
    if (this.#blobs.has(key)) {
      throw new Error(`There is already a blob ${key}`);
    }
    this.#blobs.set(key, bytes);
    this.#storedAt.set(key, Date.now());
  }

  #storedBytes(): number {
    return [...this.#blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }
}

interface MemoryRoom {
  /** Throws `StorageFullError` when there is no room for this many bytes. */
  take(sizeBytes: number): void;
  /** Keeps the blob, or nothing when it is null, and frees the bytes that were taken while it was written. */
  end(bytes: Uint8Array | null, takenBytes: number): void;
}

class MemoryBlobWriter implements BlobWriter {
  readonly #sizeBytesMax: number;
  readonly #room: MemoryRoom;
  /** Null once the blob is committed or discarded. */
  #pieces: Uint8Array[] | null = [];
  #sizeBytes = 0;

  constructor(sizeBytesMax: number, room: MemoryRoom) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#room = room;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#pieces !== null, "a blob is written before its end");
    invariant(this.#sizeBytes + bytes.length <= this.#sizeBytesMax, "a blob is not larger than it was said to become");
    this.#room.take(bytes.length);
    this.#sizeBytes += bytes.length;
    // Not `slice`, which copies nothing when the bytes are a Buffer.
    this.#pieces.push(new Uint8Array(bytes));
  }

  async commit(): Promise<void> {
    invariant(this.#pieces !== null, "a blob is committed once");
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = null;
    this.#room.end(bytes, this.#sizeBytes);
  }

  async discard(): Promise<void> {
    if (this.#pieces !== null) {
      this.#pieces = null;
      this.#room.end(null, this.#sizeBytes);
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
