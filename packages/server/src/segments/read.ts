import { hash } from "node:crypto";
import { type ByteRange, leafSizeBytes, toHex } from "@moraine/protocol";
import { invariant } from "../domain/invariant.ts";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { type BlockPool, PatientTaker, shortSizeBytesMax } from "./blocks.ts";
import { coveringSlices, type SegmentPages, type SegmentSlice } from "./coverage.ts";
import { leafAt } from "./footer.ts";
import type { HashPool } from "./hash-pool.ts";
import { type OpenSegment, readOrCorrupt, type SegmentOpener } from "./open.ts";
import { leafMismatch, readTwice } from "./read-twice.ts";

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
  const taker = new PatientTaker(services.leafBlocks);
  for await (const slices of coveringSlices(segments, range)) {
    for (const slice of slices) {
      yield* readSlice(services, taker, slice);
    }
  }
}

async function* readSlice(
  services: ReadServices,
  taker: PatientTaker,
  { segment, first, end }: SegmentSlice,
): AsyncGenerator<Uint8Array, void, void> {
  const { segments, leafBlocks, hashPool } = services;
  const lastLeaf = Math.ceil(end / leafSizeBytes) - 1;
  const open = await segments.open(segment);
  try {
    for (let leaf = Math.floor(first / leafSizeBytes); leaf <= lastLeaf; leaf += 1) {
      const blocks = await takeBlocks(leafBlocks, taker, segment.sizeBytes, lastLeaf - leaf + 1);
      if (blocks !== null) {
        const read = (index: number) => readLeaf(open, segment, index, blocks.at(index), hashPool);
        yield* readAhead(read, blocks, { leaf, lastLeaf, first, end });
        return;
      }
      yield* readTwice(open, segment, leaf, { first, end });
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      segments.forget(segment.key);
    }
    throw error;
  } finally {
    await open.close();
  }
}

/**
 * Yields leaves in order. While one is on its way to the client, the next ones are read from the disk and hashed on other
 * threads, as far as there are blocks. Takes the blocks, and gives them back.
 */
async function* readAhead(
  read: (leaf: number) => Promise<Buffer>,
  blocks: TakenBlocks,
  wanted: { readonly leaf: number; readonly lastLeaf: number; readonly first: number; readonly end: number },
): AsyncGenerator<Uint8Array, void, void> {
  const { lastLeaf, first, end } = wanted;
  const reading: Array<Promise<Buffer>> = [];
  let next = wanted.leaf;
  try {
    for (let { leaf } = wanted; leaf <= lastLeaf; leaf += 1) {
      for (; next <= lastLeaf && next < leaf + blocks.size; next += 1) {
        const bytes = read(next);
        bytes.catch(() => undefined); // It is awaited in a later turn, if there is one.
        reading.push(bytes);
      }
      const bytes = await reading[0];
      invariant(bytes !== undefined, "a leaf is read before it is sent");
      reading.shift();
      const start = leaf * leafSizeBytes;
      yield bytes.subarray(Math.max(first - start, 0), Math.min(end - start, bytes.length));
    }
  } finally {
    // A disk or a thread may still use the blocks.
    await Promise.allSettled(reading);
    blocks.giveBack();
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

interface TakenBlocks {
  readonly size: number;
  at(leaf: number): Buffer;
  giveBack(): void;
}

/** One for each step of a leaf's way: from the disk, through its hash, to the client. */
const blocksMax = 3;

/**
 * One block is needed, more are welcome where there are more leaves; a short segment has one of its own size. Null while there
 * is none to be had.
 */
async function takeBlocks(
  pool: BlockPool,
  taker: PatientTaker,
  sizeBytes: number,
  leaves: number,
): Promise<TakenBlocks | null> {
  if (sizeBytes <= shortSizeBytesMax) {
    const own = Buffer.allocUnsafe(sizeBytes);
    return { size: 1, at: () => own, giveBack: () => undefined };
  }
  const first = await taker.take();
  if (first === null) {
    return null;
  }
  const blocks = [first];
  while (blocks.length < Math.min(leaves, blocksMax)) {
    const block = pool.takeIdle();
    if (block === null) {
      break;
    }
    blocks.push(block);
  }
  return {
    size: blocks.length,
    at: (leaf) => blocks[leaf % blocks.length] ?? first,
    giveBack() {
      for (const block of blocks) {
        pool.giveBack(block);
      }
    },
  };
}
