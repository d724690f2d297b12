import { leafSizeBytes } from "@moraine/protocol";

/** Bodies are received in runs of this size: large enough that a run's costs vanish, small enough for many at once. */
export const blockSizeBytes = 1024 * 1024;

/** What is so short is hashed here and now, in memory of its own size: blocks and other threads would cost more. */
export const shortSizeBytesMax = 256 * 1024;

/** Body bytes as they come from a socket or a generator, in pieces of any size, each valid until the next is asked for. */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * For received bytes: hashing threads read them where they lie. Memory that could grow begins at a page, and from there a
 * disk may take the bytes as they are, without a copy.
 */
export const sharedBlock = (): Buffer =>
  Buffer.from(new SharedArrayBuffer(blockSizeBytes, { maxByteLength: blockSizeBytes }), 0, blockSizeBytes);
/** For bytes on their way out: a leaf is the least that can be verified. */
export const leafBlock = (): Buffer => Buffer.allocUnsafeSlow(leafSizeBytes);

/**
 * Memory that transfers take turns with. It bounds what all of them hold together, whatever their number; and a fresh
 * block would cost page faults that outweigh hashing it.
 */
export class BlockPool {
  readonly #make: () => Buffer;
  readonly #idle: Buffer[] = [];
  readonly #waiting: Array<(block: Buffer) => void> = [];
  #left: number;

  /** @param most blocks at any time. */
  constructor(make: () => Buffer, most: number) {
    this.#make = make;
    this.#left = most;
  }

  /** Waits its turn when all blocks are taken. */
  async take(): Promise<Buffer> {
    return this.takeIdle() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Null when all blocks are taken: for those who could use one but need not wait. */
  takeIdle(): Buffer | null {
    const block = this.#idle.pop();
    if (block !== undefined) {
      return block;
    }
    if (this.#left === 0) {
      return null;
    }
    this.#left -= 1;
    return this.#make();
  }

  /** Every block that was taken comes back, once; the caller must not touch it afterwards. */
  giveBack(block: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#idle.push(block);
    } else {
      next(block);
    }
  }
}
