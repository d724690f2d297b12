import { TargetUnavailableError } from "../target.ts";
import { isPassing } from "./s3-errors.ts";
import type { S3Objects } from "./s3-objects.ts";

/** Responses in a row that are interrupted before their first byte. */
const fruitlessMax = 5;

/** The object as it was found. */
export interface ObjectVersion {
  /** Undefined for one that may be replaced by a longer one meanwhile: its first `sizeBytes` are read. */
  readonly etag: string | undefined;
  readonly sizeBytes: number;
}

/**
 * Yields the bytes of an object, and continues after an interruption: stores close a response that is read slowly. Yields null if there is no
 * such object.
 */
export class ObjectReader {
  readonly #objects: S3Objects;
  readonly #key: string;
  readonly #version: ObjectVersion;
  readonly #signal: AbortSignal;
  #position: number;
  #fruitless = 0;

  constructor(objects: S3Objects, key: string, version: ObjectVersion, signal: AbortSignal, firstByte = 0) {
    this.#objects = objects;
    this.#key = key;
    this.#version = version;
    this.#signal = signal;
    this.#position = firstByte;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array | null, void, void> {
    while (this.#position < this.#version.sizeBytes) {
      const body = await this.#objects.from(this.#key, this.#position, this.#signal, this.#version.etag);
      if (body === null) {
        yield null;
        return;
      }
      try {
        yield* this.#bytesOf(body);
        this.#fruitless += 1;
      } catch (error) {
        this.#assertRepeatable(error);
      }
      this.#assertFruitful();
    }
  }

  async *#bytesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, void> {
    const { etag, sizeBytes } = this.#version;
    for await (const piece of body) {
      const bytes = etag === undefined ? piece.subarray(0, sizeBytes - this.#position) : piece;
      this.#position += bytes.length;
      this.#fruitless = 0;
      yield bytes;
      if (etag === undefined && this.#position === sizeBytes) {
        return;
      }
    }
  }

  #assertRepeatable(error: unknown): void {
    this.#signal.throwIfAborted();
    if (!isPassing(error)) {
      throw error;
    }
    this.#fruitless += 1;
  }

  #assertFruitful(): void {
    if (this.#fruitless > fruitlessMax) {
      const { sizeBytes } = this.#version;
      throw new TargetUnavailableError(
        `${this.#objects.shown(this.#key)}: responses end after ${this.#position} of ${sizeBytes} bytes`,
      );
    }
  }
}
