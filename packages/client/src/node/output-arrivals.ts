import type { IncomingMessage } from "node:http";
import { release } from "./release.ts";

/** What waits for its reader at the most, while the reader is busy with what came before. */
const memoryBytes = 256 * 1024;

/** Gathers what arrives of an answer in memory that is used again. Without room, the connection is held back. */
export class OutputArrivals {
  readonly #answer: IncomingMessage;
  #memory: Buffer | null = null;
  #filledBytes = 0;
  /** What found no room. */
  #rest: Buffer | null = null;
  #hasEnded = false;
  #failure: Error | null = null;
  #arrival: PromiseWithResolvers<void> | null = null;

  constructor(answer: IncomingMessage) {
    this.#answer = answer;
    answer.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    answer.on("error", (error) => this.#fail(error));
    answer.on("close", () => this.#fail(new Error("The connection was closed in the middle of the answer")));
  }

  /** Fills the memory as far as bytes have come, after the first has; resolves to their number, 0 at the end. */
  async read(memory: Uint8Array): Promise<number> {
    this.#begin();
    while (this.#filledBytes === 0) {
      if (this.#hasEnded) {
        return 0;
      }
      if (this.#failure !== null) {
        throw this.#failure;
      }
      this.#arrival ??= Promise.withResolvers();
      await this.#arrival.promise;
    }
    return this.#take(memory);
  }

  /** Nothing is read before somebody asks. */
  #begin(): void {
    if (this.#memory === null) {
      this.#memory = Buffer.allocUnsafeSlow(memoryBytes);
      this.#answer.on("data", (piece: Buffer) => this.#arrived(piece));
    }
  }

  #take(memory: Uint8Array): number {
    const own = this.#memory as Buffer;
    const length = Math.min(memory.length, this.#filledBytes);
    memory.set(own.subarray(0, length));
    own.copyWithin(0, length, this.#filledBytes);
    this.#filledBytes -= length;
    if (this.#rest !== null) {
      this.#store(this.#rest);
      if (this.#rest === null) {
        this.#answer.resume();
      }
    }
    return length;
  }

  #arrived(piece: Buffer): void {
    this.#store(piece);
    if (this.#rest === null) {
      // Only when the parser, which this is called by, has returned.
      queueMicrotask(() => release(piece));
    } else {
      this.#answer.pause();
    }
    this.#wake();
  }

  #store(piece: Buffer): void {
    const room = memoryBytes - this.#filledBytes;
    const copied = piece.copy(this.#memory as Buffer, this.#filledBytes, 0, room);
    this.#filledBytes += copied;
    this.#rest = copied < piece.length ? piece.subarray(copied) : null;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#arrival?.resolve();
    this.#arrival = null;
  }
}
