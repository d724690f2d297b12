import assert from "node:assert/strict";
import { after, beforeEach, describe, test } from "node:test";
import { leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../src/domain/segment.ts";
import { BlockPool, sharedBlocks } from "../../src/segments/blocks.ts";
import { HashPool } from "../../src/segments/hashing/hash-pool.ts";
import { freshSegments } from "../../src/segments/open.ts";
import { readVerified } from "../../src/segments/read.ts";
import { assertSameBytes, mebibyte, randomContent } from "../support/glacier.ts";
import { idleBlocks } from "../support/idle-blocks.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { storedSegment } from "../support/stored-segment.ts";

const hashPool = new HashPool(2, (error) => {
  throw error;
});
after(() => hashPool.close());

const blocksMax = 8;
const bytes = randomContent(6 * mebibyte + 300_000);
let blobs: MemoryBlobStore;
let leafBlocks: BlockPool;
let segment: Segment;
beforeEach(async () => {
  blobs = new MemoryBlobStore();
  leafBlocks = new BlockPool(sharedBlocks(blocksMax, leafSizeBytes), blocksMax);
  segment = await storedSegment(blobs, "owner", bytes);
});

/** Hashing threads whose results a test holds back, and sees. */
function watchedHashes() {
  const sizes: number[] = [];
  const held: Array<() => void> = [];
  const state = { sizes, held, holds: false };
  const sha256 = async (leaf: Uint8Array) => {
    sizes.push(leaf.length);
    assert.ok(leaf.buffer instanceof SharedArrayBuffer, "the thread reads it where it lies");
    if (state.holds) {
      await new Promise<void>((resolve) => held.push(resolve));
    }
    return hashPool.sha256(leaf);
  };
  return { state, pool: { sha256 } as HashPool };
}

const read = (pool: HashPool, lastByte = bytes.length - 1) =>
  readVerified({ segments: freshSegments(blobs), leafBlocks, hashPool: pool }, [[segment]], { firstByte: 0, lastByte });

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("reading ahead", () => {
  test("hashes every long leaf on the threads, once", async () => {
    const { state, pool } = watchedHashes();
    const pieces: Buffer[] = [];
    for await (const piece of read(pool)) {
      pieces.push(Buffer.from(piece));
    }
    assertSameBytes(Buffer.concat(pieces), bytes);
    assert.deepEqual(state.sizes, [...Array(6).fill(mebibyte), 300_000]);
    assert.equal(idleBlocks(leafBlocks), blocksMax);
  });

  test("yields nothing before its hash is known, and reads two leaves ahead", async () => {
    const { state, pool } = watchedHashes();
    state.holds = true;
    const reading = read(pool);
    let yielded = 0;
    const first = reading.next().then((step) => {
      yielded += 1;
      return step;
    });
    while (state.held.length < 3) {
      await turn();
    }
    await turn();
    assert.deepEqual([state.held.length, yielded], [3, 0]);
    // The second leaf's hash does not help the first.
    state.held[1]?.();
    await turn();
    assert.equal(yielded, 0);
    state.holds = false;
    for (const release of state.held) {
      release();
    }
    assertSameBytes((await first).value ?? Buffer.alloc(0), bytes.subarray(0, mebibyte));
    await reading.return();
  });

  test("gives no block back while a thread still hashes it, also when the reader has stopped", async () => {
    const { state, pool } = watchedHashes();
    const reading = read(pool);
    await reading.next();
    state.holds = true;
    await reading.next();
    while (state.held.length === 0) {
      await turn();
    }
    let hasEnded = false;
    const ended = reading.return().then(() => {
      hasEnded = true;
    });
    for (let turns = 0; turns < 5; turns += 1) {
      await turn();
    }
    assert.deepEqual([hasEnded, idleBlocks(leafBlocks)], [false, blocksMax - 3]);
    for (const release of state.held) {
      release();
    }
    await ended;
    assert.equal(idleBlocks(leafBlocks), blocksMax);
  });

  test("takes turns with other readers after each leaf, so that nobody goes without", async () => {
    leafBlocks = new BlockPool(sharedBlocks(1, leafSizeBytes), 1);
    const one = read(hashPool);
    const other = read(hashPool);
    const lengths = [(await one.next()).value?.length];
    let [asked, next] = [other, one];
    let waiting = asked.next();
    for (let turns = 0; turns < 8; turns += 1) {
      await turn();
      const afterwards = next.next(); // It has sent its leaf, and waits for the other now.
      lengths.push((await waiting).value?.length);
      waiting = afterwards;
      [asked, next] = [next, asked];
    }
    await Promise.all([next.return(), waiting.then(() => asked.return())]);
    assert.deepEqual(lengths, Array(9).fill(mebibyte));
    assert.equal(idleBlocks(leafBlocks), 1);
  });

  test("fails, and gives its blocks back, when the threads fail", async () => {
    const failing = new HashPool(1, () => undefined);
    const reading = read(failing);
    await reading.next();
    await failing.close();
    await assert.rejects(async () => {
      for await (const piece of reading) {
        assert.ok(piece.length > 0);
      }
    }, /hashing thread ended/);
    assert.equal(idleBlocks(leafBlocks), blocksMax);
  });

  test("ends before a damaged leaf that was read ahead, and yields those before it", async () => {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(2 * mebibyte + 5) ^ 1, 2 * mebibyte + 5);
    const sound = segment;
    const other = await storedSegment(blobs, "owner", damaged);
    const swapped = new MemoryBlobStore();
    const open = async () => {
      const [first, second] = [await blobs.open(sound.key), await blobs.open(other.key)];
      return {
        sizeBytes: first.sizeBytes,
        read: (into: Uint8Array, at: number) => (at < bytes.length ? second : first).read(into, at),
        close: () => first.close(),
      };
    };
    const segments = freshSegments(Object.assign(swapped, { open }));
    const pieces: Buffer[] = [];
    const all = async () => {
      const range = { firstByte: 0, lastByte: bytes.length - 1 };
      for await (const piece of readVerified({ segments, leafBlocks, hashPool }, [[sound]], range)) {
        pieces.push(Buffer.from(piece));
      }
    };
    await assert.rejects(all, CorruptSegmentError);
    assertSameBytes(Buffer.concat(pieces), bytes.subarray(0, 2 * mebibyte));
    assert.equal(idleBlocks(leafBlocks), blocksMax);
  });
});
