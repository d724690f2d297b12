import { createHash } from "node:crypto";
import { TreeHash } from "@moraine/client/node";
import { TargetUnavailableError } from "../target.ts";
import { isPassing } from "./s3-errors.ts";
import type { S3Objects } from "./s3-objects.ts";

export interface ReadBack {
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly sha256: string;
}

/** Responses in a row that are interrupted before their first byte. */
const fruitlessMax = 5;

/** Reads an object, all of it. Resolves to null if there is no such object. */
export async function readBack(
  objects: S3Objects,
  key: string,
  version: ObjectVersion,
  signal: AbortSignal,
): Promise<ReadBack | null> {
  const [sha256, tree] = [createHash("sha256"), new TreeHash()];
  let sizeBytes = 0;
  for await (const piece of new ObjectReader(objects, key, version, signal)) {
    if (piece === null) {
      return null;
    }
    sizeBytes += piece.length;
    sha256.update(piece);
    await tree.update(piece);
  }
  return { sizeBytes, treeHash: await tree.digest(), sha256: sha256.digest("hex") };
}

interface ObjectVersion {
  readonly etag: string | undefined;
  readonly sizeBytes: number;
}

/** Yields the bytes of an object, and continues after an interruption. Yields null if there is no such object. */
class ObjectReader {
  readonly #objects: S3Objects;
  readonly #key: string;
  readonly #version: ObjectVersion;
  readonly #signal: AbortSignal;
  #position = 0;
  #fruitless = 0;

  constructor(objects: S3Objects, key: string, version: ObjectVersion, signal: AbortSignal) {
    this.#objects = objects;
    this.#key = key;
    this.#version = version;
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array | null, void, void> {
    while (this.#position < this.#version.sizeBytes) {
      const body = await this.#objects.from(this.#key, this.#position, this.#signal, this.#version.etag);
      if (body === null) {
        yield null;
        return;
      }
      try {
        for await (const piece of body as AsyncIterable<Buffer>) {
          this.#position += piece.length;
          this.#fruitless = 0;
          yield piece;
        }
        this.#fruitless += 1;
      } catch (error) {
        this.#assertRepeatable(error);
      }
      this.#assertFruitful();
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
