import type { Readable } from "node:stream";
import { BlobMissingError, type BlobReader } from "../../domain/stores/blob-store.ts";
import type { Bucket } from "../../storage/s3/bucket.ts";

/** Attempts in a row that bring no byte. */
const attemptsMax = 3;

/** Opens an object. Rejects with `BlobMissingError` when there is none. */
export async function openObject(bucket: Bucket, key: string): Promise<BlobReader> {
  const sizeBytes = await bucket.sizeOf(key);
  if (sizeBytes === null) {
    throw new BlobMissingError(key);
  }
  return new BucketReader(bucket, key, sizeBytes);
}

/**
 * Reads an object by one request while positions follow each other, and by another one from where it was once that is interrupted: services end
 * a response that is read slowly.
 */
class BucketReader implements BlobReader {
  readonly sizeBytes: number;
  readonly #bucket: Bucket;
  readonly #key: string;
  #stream: Readable | null = null;
  #pieces: AsyncIterator<Buffer> | null = null;
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(bucket: Bucket, key: string, sizeBytes: number) {
    this.#bucket = bucket;
    this.#key = key;
    this.sizeBytes = sizeBytes;
  }

  async read(bytes: Uint8Array, position: number): Promise<void> {
    let attempts = 0;
    for (let done = 0; done < bytes.length; ) {
      try {
        done += await this.#readSome(bytes.subarray(done), position + done);
        attempts = 0;
      } catch (error) {
        await this.close();
        attempts += 1;
        if (attempts === attemptsMax || error instanceof BlobMissingError) {
          throw error;
        }
      }
    }
  }

  async close(): Promise<void> {
    this.#stream?.destroy();
    this.#stream = null;
    this.#pieces = null;
  }

  /** Reads as many bytes as have arrived, and at least one. */
  async #readSome(bytes: Uint8Array, position: number): Promise<number> {
    if (this.#pieces === null || position !== this.#position) {
      await this.#startAt(position);
    }
    while (this.#rest.length === 0) {
      await this.#nextPiece();
    }
    const taken = this.#rest.copy(bytes);
    this.#rest = this.#rest.subarray(taken);
    this.#position += taken;
    return taken;
  }

  async #startAt(position: number): Promise<void> {
    await this.close();
    this.#stream = await this.#bucket.from(this.#key, position);
    if (this.#stream === null) {
      throw new BlobMissingError(this.#key);
    }
    this.#pieces = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#rest = Buffer.alloc(0);
    this.#position = position;
  }

  async #nextPiece(): Promise<void> {
    const next = await this.#pieces?.next();
    if (next === undefined || next.done === true) {
      throw new Error(`${this.#key} ends at byte ${this.#position} of ${this.sizeBytes}`);
    }
    this.#rest = next.value;
  }
}
