import { hash } from "node:crypto";
import { type ByteRange, leafSizeBytes, toHex } from "@moraine/protocol";
import { invariant } from "../domain/invariant.ts";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { BlockAcquirer, type BlockPool, shortSizeBytesMax } from "./blocks.ts";
import { coveringSlices, type SegmentPages, type SegmentSlice } from "./coverage.ts";
import { leafAt } from "./footer.ts";
import type { HashPool } from "./hashing/hash-pool.ts";
import { type OpenSegment, readOrCorrupt, type SegmentOpener } from "./open.ts";
import { leafMismatch, readTwiceOrInstead } from "./read-twice.ts";
import { ReaderBlocks } from "./reader-blocks.ts";

export interface ReadServices {
  readonly segments: SegmentOpener;
  readonly leafBlocks: BlockPool;
  readonly hashPool: HashPool;
}

/**
 * The bytes of `range` of an archive, all of them and in order, each MiB compared with its stored hash before any of it is
 * passed on. Throws CorruptSegmentError at a damaged leaf, and when the segments do not cover the range; no byte after the
 * damage is yielded.
 *
 * What is yielded is valid only until the next piece is asked for: its memory is used again.
 * @param segments those that hold the range, in order.
 */
export async function* readVerified(
  services: ReadServices,
  segments: SegmentPages,
  range: ByteRange,
): AsyncGenerator<Uint8Array, void, void> {
  const acquirer = new BlockAcquirer(services.leafBlocks);
  for await (const slices of coveringSlices(segments, range)) {
    for (const slice of slices) {
      yield* readSlice(services, acquirer, slice);
    }
  }
}

async function* readSlice(
  services: ReadServices,
  acquirer: BlockAcquirer,
  { segment, first, end }: SegmentSlice,
): AsyncGenerator<Uint8Array, void, void> {
  const { segments, leafBlocks, hashPool } = services;
  const open = await segments.open(segment);
  const blocks = new ReaderBlocks(leafBlocks, acquirer, segment.sizeBytes);
  const read = (leaf: number, block: Buffer) => readLeafOrInstead(open, segment, leaf, block, hashPool);
  const ahead = new LeavesAhead(read, blocks, Math.ceil(end / leafSizeBytes) - 1);
  try {
    for (let leaf = Math.floor(first / leafSizeBytes); leaf <= ahead.lastLeaf; leaf += 1) {
      const taken = await ahead.take(leaf);
      if (taken === null) {
        yield* readTwiceOrInstead(open, segment, leaf, { first, end });
      } else {
        const start = leaf * leafSizeBytes;
        yield taken.bytes.subarray(Math.max(first - start, 0), Math.min(end - start, taken.bytes.length));
        blocks.release(taken.block);
      }
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      segments.forget(segment.key);
    }
    throw error;
  } finally {
    // A disk or a thread may still use the blocks.
    await ahead.settled();
    blocks.giveBackAll();
    await open.close();
  }
}

interface ReadLeaf {
  readonly bytes: Buffer;
  readonly block: Buffer;
}

/**
 * Leaves in order. While one is on its way to the client, the next ones are read from the disk and hashed on other threads, as
 * far as there are blocks.
 */
class LeavesAhead {
  readonly lastLeaf: number;
  readonly #read: (leaf: number, block: Buffer) => Promise<Buffer>;
  readonly #blocks: ReaderBlocks;
  readonly #reading: Array<Promise<ReadLeaf>> = [];

  constructor(read: (leaf: number, block: Buffer) => Promise<Buffer>, blocks: ReaderBlocks, lastLeaf: number) {
    this.#read = read;
    this.#blocks = blocks;
    this.lastLeaf = lastLeaf;
  }

  /** The leaf, verified. The caller releases its block. Null when there is no block for it. */
  async take(leaf: number): Promise<ReadLeaf | null> {
    if (this.#reading.length === 0) {
      const block = await this.#blocks.acquire();
      if (block === null) {
        return null;
      }
      this.#start(leaf, block);
    }
    for (let next = leaf + this.#reading.length; next <= this.lastLeaf; next += 1) {
      const block = this.#blocks.acquireIdle();
      if (block === null) {
        break;
      }
      this.#start(next, block);
    }
    this.#blocks.giveBackSpare();
    const taken = await this.#reading[0];
    this.#reading.shift();
    invariant(taken !== undefined, "a leaf is read before it is taken");
    return taken;
  }

  /** Resolves when no disk or thread uses a block any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#reading);
  }

  #start(leaf: number, block: Buffer): void {
    const reading = this.#read(leaf, block).then((bytes) => ({ bytes, block }));
    reading.catch(() => undefined); // It is awaited in a later turn, if there is one.
    this.#reading.push(reading);
  }
}

/** Reads the second copy of a leaf if the first is damaged. */
async function readLeafOrInstead(
  open: OpenSegment,
  segment: Segment,
  leaf: number,
  block: Buffer,
  hashPool: HashPool,
): Promise<Buffer> {
  try {
    return await readLeaf(open, segment, leaf, block, hashPool);
  } catch (error) {
    if (open.instead === undefined) {
      throw error;
    }
    const copy = await open.instead(error);
    try {
      return await readLeaf(copy, segment, leaf, block, hashPool);
    } finally {
      await copy.close();
    }
  }
}

async function readLeaf(
  { reader, footer }: OpenSegment,
  segment: Segment,
  leaf: number,
  block: Buffer,
  hashPool: HashPool,
): Promise<Buffer> {
  const start = leaf * leafSizeBytes;
  const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
  await readOrCorrupt(reader, segment, bytes, start);
  const isShort = bytes.length <= shortSizeBytesMax;
  const digest = isShort ? hash("sha256", bytes) : await hashPool.sha256(bytes);
  if (digest !== toHex(leafAt(footer, leaf))) {
    throw leafMismatch(segment, leaf);
  }
  return bytes;
}
