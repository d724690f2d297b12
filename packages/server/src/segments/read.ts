import { type ByteRange, leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { type BlockPool, PatientTaker, shortSizeBytesMax } from "./blocks.ts";
import { coveringSlices, type SegmentPages, type SegmentSlice } from "./coverage.ts";
import { leafAt, sha256 } from "./footer.ts";
import { type OpenSegment, readOrCorrupt, type SegmentOpener } from "./open.ts";
import { leafMismatch, readTwice } from "./read-twice.ts";

export interface ReadServices {
  readonly segments: SegmentOpener;
  readonly leafBlocks: BlockPool;
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
  { segments, leafBlocks }: ReadServices,
  taker: PatientTaker,
  { segment, first, end }: SegmentSlice,
): AsyncGenerator<Uint8Array, void, void> {
  const lastLeaf = Math.ceil(end / leafSizeBytes) - 1;
  const open = await segments.open(segment);
  try {
    for (let leaf = Math.floor(first / leafSizeBytes); leaf <= lastLeaf; leaf += 1) {
      const blocks = await takeBlocks(leafBlocks, taker, segment.sizeBytes, lastLeaf - leaf + 1);
      if (blocks !== null) {
        yield* readAhead(open, segment, blocks, { leaf, lastLeaf, first, end });
        return;
      }
      yield* readTwice(open, segment, leaf, { first, end });
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      open.distrust();
    }
    throw error;
  } finally {
    await open.close();
  }
}

/** Takes the blocks, and gives them back. */
async function* readAhead(
  open: OpenSegment,
  segment: Segment,
  blocks: TakenBlocks,
  wanted: { readonly leaf: number; readonly lastLeaf: number; readonly first: number; readonly end: number },
): AsyncGenerator<Uint8Array, void, void> {
  const { lastLeaf, first, end } = wanted;
  let { leaf } = wanted;
  let reading: Promise<Buffer> | null = null;
  try {
    for (; leaf <= lastLeaf; leaf += 1) {
      const bytes: Buffer = await (reading ?? readLeaf(open, segment, leaf, blocks.at(leaf)));
      reading = null;
      // With a second block the next leaf is read while this one is on its way.
      if (blocks.size > 1 && leaf < lastLeaf) {
        reading = readLeaf(open, segment, leaf + 1, blocks.at(leaf + 1));
        reading.catch(() => undefined); // It is awaited in the next turn, if there is one.
      }
      const start = leaf * leafSizeBytes;
      yield bytes.subarray(Math.max(first - start, 0), Math.min(end - start, bytes.length));
    }
  } finally {
    await Promise.allSettled([reading]);
    blocks.giveBack();
  }
}

async function readLeaf(open: OpenSegment, segment: Segment, leaf: number, block: Buffer): Promise<Buffer> {
  const start = leaf * leafSizeBytes;
  const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
  await readOrCorrupt(open.reader, segment.key, bytes, start);
  if (!sha256(bytes).equals(leafAt(open.footer, leaf))) {
    throw leafMismatch(segment, leaf);
  }
  return bytes;
}

interface TakenBlocks {
  readonly size: number;
  at(leaf: number): Buffer;
  giveBack(): void;
}

/**
 * One block is needed, a second is welcome where there is more than one leaf; a short segment has one of its own size. Null
 * while there is none to be had.
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
  const second = leaves > 1 ? pool.takeIdle() : null;
  const blocks = second === null ? [first] : [first, second];
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
