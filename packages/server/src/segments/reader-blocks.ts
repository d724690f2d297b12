import { type BlockAcquirer, type BlockPool, shortSizeBytesMax } from "./blocks.ts";

/** One for each step of a leaf: from the disk, through its hash, to the client. */
const blocksMax = 3;

/**
 * The blocks of one reader. It keeps them from leaf to leaf, unless other readers wait: then they take turns after each leaf.
 * A short segment has memory of its own size instead.
 */
export class ReaderBlocks {
  readonly #pool: BlockPool;
  readonly #acquirer: BlockAcquirer;
  readonly #own: Buffer | null;
  readonly #held = new Set<Buffer>();
  readonly #free: Buffer[] = [];

  constructor(pool: BlockPool, acquirer: BlockAcquirer, sizeBytes: number) {
    this.#pool = pool;
    this.#acquirer = acquirer;
    this.#own = sizeBytes <= shortSizeBytesMax ? Buffer.allocUnsafe(sizeBytes) : null;
  }

  /** Waits for a block. Null while slow clients hold all of them. */
  async acquire(): Promise<Buffer | null> {
    const block = this.#own ?? this.#free.pop() ?? (await this.#acquirer.acquire());
    return block === null ? null : this.#hold(block);
  }

  /** One more block, where that keeps nobody else waiting. */
  acquireIdle(): Buffer | null {
    if (this.#own !== null || this.#held.size - this.#free.length >= blocksMax) {
      return null;
    }
    const block = this.#free.pop() ?? this.#pool.acquireIdle();
    return block === null ? null : this.#hold(block);
  }

  /** Ends the use of a block that was taken. */
  release(block: Buffer): void {
    if (block === this.#own) {
      return;
    }
    if (this.#pool.isWaitedFor) {
      this.#held.delete(block);
      this.#pool.release(block);
    } else {
      this.#free.push(block);
    }
  }

  /** Gives back those that no leaf uses. */
  giveBackSpare(): void {
    for (const block of this.#free) {
      this.#held.delete(block);
      this.#pool.release(block);
    }
    this.#free.length = 0;
  }

  /** Nothing may use them any more. */
  giveBackAll(): void {
    for (const block of this.#held) {
      this.#pool.release(block);
    }
    this.#held.clear();
    this.#free.length = 0;
  }

  #hold(block: Buffer): Buffer {
    if (block !== this.#own) {
      this.#held.add(block);
    }
    return block;
  }
}
