import { hash } from "node:crypto";
import { leafCount, leafSizeBytes, toHex } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../domain/segment.ts";
import type { BlobStore, UncachedReader } from "../../domain/stores/blob-store.ts";
import { placesPerSegmentMax } from "../../domain/vaults/damage.ts";
import { sharedBlocks, shortSizeBytesMax } from "../../segments/blocks.ts";
import { leafAt } from "../../segments/footer.ts";
import type { HashPool } from "../../segments/hashing/hash-pool.ts";
import { type OpenSegment, openCopy, readOrCorrupt } from "../../segments/open.ts";
import { leafMismatch } from "../../segments/read-twice.ts";
import type { Pace } from "./pace.ts";

/** A medium, or the way from it, may fail once: what is called damaged was read wrong this many times, each by a newly opened file. */
const attemptsMax = 3;

export interface ReadBackServices {
  readonly hashPool: Pick<HashPool, "sha256">;
  readonly pace: Pace;
  /** Called for bytes that were read. */
  onRead(sizeBytes: number, isUncached: boolean): void;
}

/** Reads segments from the medium, and compares each MiB with its hash: one at a time, in the memory of one MiB. */
export class ReadBack {
  readonly #services: ReadBackServices;
  readonly #memory = sharedBlocks(2, leafSizeBytes);
  #blocks: { readonly leaf: Buffer; readonly scratch: Buffer } | null = null;

  constructor(services: ReadBackServices) {
    this.#services = services;
  }

  /**
   * Resolves to the damaged places, none if the segment is sound; to null when it was stopped. Rejects when the file cannot be
   * opened now for another reason than damage.
   */
  async damageOf(
    blobs: Pick<BlobStore, "openUncached">,
    segment: Segment,
    signal: AbortSignal,
  ): Promise<readonly CorruptSegmentError[] | null> {
    const damage: CorruptSegmentError[] = [];
    const leaves = leafCount(segment.sizeBytes);
    let [leaf, attempts] = [0, 0];
    while (leaf < leaves && damage.length < placesPerSegmentMax) {
      const { next, error } = await this.#readFrom(blobs, segment, leaf, signal);
      if (signal.aborted) {
        return null;
      }
      attempts = next > leaf ? 1 : attempts + 1;
      leaf = next;
      if (error !== null && attempts === attemptsMax) {
        damage.push(error);
        leaf = error.place === null ? leaves : leaf + 1;
        attempts = 0;
      }
    }
    return damage;
  }

  /** Reads from a leaf on, to the first that is damaged or to the end. `next` is the number of the leaf after the last sound one. */
  async #readFrom(
    blobs: Pick<BlobStore, "openUncached">,
    segment: Segment,
    first: number,
    signal: AbortSignal,
  ): Promise<{ readonly next: number; readonly error: CorruptSegmentError | null }> {
    let next = first;
    try {
      for await (const leaf of this.#soundLeaves(blobs, segment, first, signal)) {
        next = leaf + 1;
      }
      return { next, error: null };
    } catch (error) {
      if (error instanceof CorruptSegmentError) {
        return { next, error };
      }
      throw error;
    }
  }

  /** Yields the number of each leaf that was read right. */
  async *#soundLeaves(
    blobs: Pick<BlobStore, "openUncached">,
    segment: Segment,
    first: number,
    signal: AbortSignal,
  ): AsyncGenerator<number, void, void> {
    const { pace } = this.#services;
    const { leaf: block, scratch } = this.#ownBlocks();
    const open = (key: string) => blobs.openUncached(key, scratch);
    const opened = await pace.turn(() => openCopy({ open }, segment), signal);
    try {
      for (let leaf = first; leaf < leafCount(segment.sizeBytes) && !signal.aborted; leaf += 1) {
        await pace.turn(() => this.#readLeaf(opened, segment, leaf, block), signal);
        yield leaf;
      }
    } finally {
      await opened.close();
    }
  }

  async #readLeaf(
    { reader, footer }: OpenSegment<UncachedReader>,
    segment: Segment,
    leaf: number,
    block: Buffer,
  ): Promise<void> {
    const { hashPool, onRead } = this.#services;
    const start = leaf * leafSizeBytes;
    const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
    await readOrCorrupt(reader, segment, bytes, start);
    onRead(bytes.length, reader.isUncached);
    const digest = bytes.length <= shortSizeBytesMax ? hash("sha256", bytes) : await hashPool.sha256(bytes);
    if (digest !== toHex(leafAt(footer, leaf))) {
      throw leafMismatch(segment, leaf);
    }
  }

  #ownBlocks() {
    this.#blocks ??= { leaf: this.#memory(), scratch: this.#memory() };
    return this.#blocks;
  }
}
