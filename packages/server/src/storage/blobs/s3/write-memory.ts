import { millisecondsPer } from "@moraine/protocol";
import { BlobStoreUnavailableError } from "../../../domain/stores/blob-store.ts";
import { UsedAgain } from "./used-again.ts";

/** Longer than a store takes that works: then it is busier than it can bear. */
const waitMillisecondsMax = 30 * millisecondsPer.second;

/** A store takes parts from 5 MiB on, and 10,000 of them: a segment of 4 GiB has 512. */
export const partBytes = 8 * 1024 ** 2;
/** While nobody writes. */
const buffersKeptMax = 4;

interface Waiting {
  readonly owner: object;
  readonly sizeBytes: number;
  grant(): void;
}

/**
 * Bounds the bytes that have arrived and are not in the store yet, of all uploads together. Only bytes that have arrived count. The
 * oldest upload is never kept waiting: some upload always ends, and gives its bytes back.
 */
export class WriteMemory {
  readonly #limitBytes: number;
  readonly #buffers = new UsedAgain(partBytes, buffersKeptMax);
  /** By upload, the oldest first. */
  readonly #held = new Map<object, number>();
  #heldBytes = 0;
  #waiting: Waiting[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Waits for room. Rejects with `BlobStoreUnavailableError` when that takes too long. */
  async take(owner: object, sizeBytes: number): Promise<void> {
    if (!this.#held.has(owner)) {
      this.#held.set(owner, 0);
    }
    if (this.#waiting.length === 0 && this.#fits(owner, sizeBytes)) {
      this.#hold(owner, sizeBytes);
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      reject(new BlobStoreUnavailableError("The store of archives is slower than archives arrive"));
    }, waitMillisecondsMax);
    const waiting = { owner, sizeBytes, grant: resolve };
    this.#waiting.push(waiting);
    this.#grant();
    await promise.finally(() => clearTimeout(timer));
  }

  /** The memory of a part, whose bytes count as they arrive. */
  allocate(sizeBytes: number): Buffer<ArrayBuffer> {
    return this.#buffers.take(sizeBytes);
  }

  /** Nothing may use it any more. */
  useAgain(bytes: Buffer<ArrayBuffer>): void {
    this.#buffers.give(bytes);
  }

  give(owner: object, sizeBytes: number): void {
    this.#hold(owner, -sizeBytes);
    this.#grant();
  }

  /** Ends an upload, which gives back all that it has. */
  end(owner: object): void {
    this.#heldBytes -= this.#held.get(owner) ?? 0;
    this.#held.delete(owner);
    this.#grant();
  }

  #hold(owner: object, sizeBytes: number): void {
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + sizeBytes);
    this.#heldBytes += sizeBytes;
  }

  #fits(owner: object, sizeBytes: number): boolean {
    const [oldest] = this.#held.keys();
    return this.#heldBytes + sizeBytes <= this.#limitBytes || owner === oldest;
  }

  #grant(): void {
    const granted = this.#waiting.filter((waiting) => {
      if (!this.#fits(waiting.owner, waiting.sizeBytes)) {
        return false;
      }
      this.#hold(waiting.owner, waiting.sizeBytes);
      waiting.grant();
      return true;
    });
    this.#waiting = this.#waiting.filter((waiting) => !granted.includes(waiting));
  }
}
