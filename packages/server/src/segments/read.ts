import { type ByteRange, leafSizeBytes } from "@moraine/protocol";
import type { BlobStore } from "../domain/blob-store.ts";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { type BlockPool, shortSizeBytesMax } from "./blocks.ts";
import { leafAt, sha256 } from "./footer.ts";
import { type OpenSegment, openSegment, readOrCorrupt } from "./open.ts";

export interface ReadServices {
  readonly blobs: BlobStore;
  readonly leafBlocks: BlockPool;
}

/**
 * The bytes of `range` of an archive, in order, each MiB compared with its stored hash before any of it is passed on: a
 * damaged leaf ends the stream with CorruptSegmentError, and no byte from it on comes out.
 *
 * What is yielded is valid only until the next piece is asked for: its memory is used again.
 * @param segments those that hold the range, in order.
 */
export async function* readVerified(
  services: ReadServices,
  segments: readonly Segment[],
  range: ByteRange,
): AsyncGenerator<Uint8Array, void, void> {
  for (const segment of segments) {
    const first = Math.max(range.firstByte - segment.firstByte, 0);
    const end = Math.min(range.lastByte + 1 - segment.firstByte, segment.sizeBytes);
    yield* readSegment(services, segment, first, end);
  }
}

async function* readSegment(
  { blobs, leafBlocks }: ReadServices,
  segment: Segment,
  first: number,
  end: number,
): AsyncGenerator<Uint8Array, void, void> {
  const lastLeaf = Math.ceil(end / leafSizeBytes) - 1;
  let leaf = Math.floor(first / leafSizeBytes);
  const open = await openSegment(blobs, segment);
  const blocks = await takeBlocks(leafBlocks, segment.sizeBytes, lastLeaf - leaf + 1);
  let reading = readLeaf(open, segment, leaf, blocks.at(leaf));
  try {
    for (; leaf <= lastLeaf; leaf += 1) {
      const bytes = await reading;
      // With a second block the next leaf is read while this one is on its way.
      const ahead = blocks.size > 1 && leaf < lastLeaf;
      if (ahead) {
        reading = readLeaf(open, segment, leaf + 1, blocks.at(leaf + 1));
        reading.catch(() => undefined); // It is awaited in the next turn, if there is one.
      }
      const start = leaf * leafSizeBytes;
      yield bytes.subarray(Math.max(first - start, 0), Math.min(end - start, bytes.length));
      if (!ahead && leaf < lastLeaf) {
        reading = readLeaf(open, segment, leaf + 1, blocks.at(leaf + 1));
      }
    }
  } finally {
    await Promise.allSettled([reading]);
    blocks.giveBack();
    await open.reader.close();
  }
}

async function readLeaf(open: OpenSegment, segment: Segment, leaf: number, block: Buffer): Promise<Buffer> {
  const start = leaf * leafSizeBytes;
  const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
  await readOrCorrupt(open.reader, segment.key, bytes, start);
  if (!sha256(bytes).equals(leafAt(open.footer, leaf))) {
    throw new CorruptSegmentError(segment.key, `the MiB at byte ${start} does not match its hash`);
  }
  return bytes;
}

interface TakenBlocks {
  readonly size: number;
  at(leaf: number): Buffer;
  giveBack(): void;
}

/** One block is needed, a second is welcome where there is more than one leaf; a short segment has one of its own size. */
async function takeBlocks(pool: BlockPool, sizeBytes: number, leaves: number): Promise<TakenBlocks> {
  if (sizeBytes <= shortSizeBytesMax) {
    const own = Buffer.allocUnsafe(sizeBytes);
    return { size: 1, at: () => own, giveBack: () => undefined };
  }
  const first = await pool.take();
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
