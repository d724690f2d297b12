/** Bodies are received in runs of this size: large enough that a run's costs vanish, to threads and disk, small enough for many at once. */
export const blockSizeBytes = 2 * 1024 * 1024;

/** A body up to this size is hashed on the main thread, in memory of its own size: blocks and other threads would cost more. */
export const shortSizeBytesMax = 256 * 1024;

/** Body bytes as they come from a socket or a generator, in pieces of any size, each valid until the next is asked for. */
export type ByteStream = AsyncIterable<Uint8Array>;

const pageBytes = 4096;
/** From this size on glibc always maps pages for a piece of memory alone, and begins it so far behind the beginning of the first. */
const mappedBytesMin = 33 * 1024 ** 2;
const allocationHeaderBytes = 16;

/**
 * Makes blocks that hashing threads read where they lie, and that a disk takes as they are, since each begins with a page. All lie in one piece of memory, which the system can make of huge pages (`npm start` asks for them):
 * to the disk a block is then one run of memory and not 256, which doubles what a virtual disk writes in a second.
 *
 * @param most blocks that are asked for.
 * @param sizeBytes of each: for bytes on their way out a leaf, which is the least that can be verified.
 */
export function sharedBlocks(most: number, sizeBytes: number): () => Buffer {
  let memory: SharedArrayBuffer | null = null;
  let next = pageBytes - allocationHeaderBytes;
  return () => {
    // Pages that are never touched take no memory. But a process that could touch more than the system has cannot start others.
    memory ??= new SharedArrayBuffer(Math.max(mappedBytesMin, pageBytes + most * sizeBytes));
    const block = Buffer.from(memory, next, sizeBytes);
    next += sizeBytes;
    return block;
  };
}

/** Returns of each block within a waiter's timeout: a block that a client of less than 1 MB/s holds is returned less often. */
const briskReturns = 1;

/**
 * Memory that transfers take turns with. It bounds what all of them hold together, whatever their number; and a fresh
 * block would cost page faults that outweigh hashing it.
 */
export class BlockPool {
  readonly #make: () => Buffer;
  readonly #most: number;
  readonly #idle: Buffer[] = [];
  readonly #waiting: Array<(block: Buffer) => void> = [];
  #left: number;
  #returns = 0;

  /** @param most blocks at any time. */
  constructor(make: () => Buffer, most: number) {
    this.#make = make;
    this.#most = most;
    this.#left = most;
  }

  /**
   * Waits for a free block. Resolves to null on timeout, unless blocks are returned quickly: then many waiters or the disk cause the
   * wait, not slow clients.
   */
  async acquire(milliseconds: number): Promise<Buffer | null> {
    const idle = this.acquireIdle();
    if (idle !== null) {
      return idle;
    }
    const { promise, resolve } = Promise.withResolvers<Buffer | null>();
    this.#waiting.push(resolve);
    let returns = this.#returns;
    const timer = setInterval(() => {
      const isBrisk = this.#returns - returns >= this.#most * briskReturns;
      returns = this.#returns;
      if (!isBrisk) {
        this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
        resolve(null);
      }
    }, milliseconds);
    return promise.finally(() => clearInterval(timer));
  }

  /** Null when all blocks are taken: for those who could use one but need not wait. */
  acquireIdle(): Buffer | null {
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

  /** Transfers that wait for a block. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Whether somebody waits for the next block that comes back. */
  get isWaitedFor(): boolean {
    return this.#waiting.length > 0;
  }

  /** Every block that was taken comes back, once; the caller must not touch it afterwards. */
  release(block: Buffer): void {
    this.#returns += 1;
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#idle.push(block);
    } else {
      next(block);
    }
  }
}

/** Many who are fast pass all blocks around in less; who waited longer for one is waiting for slow clients. */
const patienceMilliseconds = 2000;

/** Acquires the blocks of one transfer. Once it has waited in vain, it waits no more until there has been one. */
export class BlockAcquirer {
  readonly #pool: BlockPool;
  #isPatient = true;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Null while slow transfers hold all blocks: this one continues without. */
  async acquire(): Promise<Buffer | null> {
    const block = this.#isPatient ? await this.#pool.acquire(patienceMilliseconds) : this.#pool.acquireIdle();
    this.#isPatient = block !== null;
    return block;
  }
}
