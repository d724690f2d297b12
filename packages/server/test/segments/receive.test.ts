import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { type AccountId, type ArchiveId, errors, leafSizeBytes, type TreeHash } from "@moraine/protocol";
import fc from "fast-check";
import { ManualClock } from "../../src/clock/clocks.ts";
import { InvariantError } from "../../src/domain/invariant.ts";
import { CorruptSegmentError, type Segment } from "../../src/domain/segment.ts";
import { BlobMissingError, StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { type MetadataStore, MetadataUnavailableError } from "../../src/domain/stores/metadata-store.ts";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../../src/segments/blocks.ts";
import { HashPool } from "../../src/segments/hashing/hash-pool.ts";
import { freshSegments } from "../../src/segments/open.ts";
import { type ReadServices, readVerified } from "../../src/segments/read.ts";
import { type IncomingSegment, type ReceiveServices, receiveSegment } from "../../src/segments/receive.ts";
import { RunningIntents } from "../../src/segments/running-intents.ts";
import { assertSameBytes, mebibyte, randomContent, treeHashOf } from "../support/glacier.ts";
import { idleBlocks } from "../support/idle-blocks.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";

const accountId = "012345678901" as AccountId;
const blocksMax = 4;
const hashPool = new HashPool(2, (error) => {
  throw error;
});
after(() => hashPool.close());

class KeepingStore extends MemoryBlobStore {
  readonly keys: string[] = [];

  override newKey(ownerId: string): string {
    const key = super.newKey(ownerId);
    this.keys.push(key);
    return key;
  }
}

let metadata: MetadataStore;
let blobs: KeepingStore;
let clock: ManualClock;
let services: ReceiveServices & ReadServices;
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  blobs = new KeepingStore();
  clock = new ManualClock(1_000_000);
  const receiveBlocks = new BlockPool(sharedBlocks(blocksMax, blockSizeBytes), blocksMax);
  const leafBlocks = new BlockPool(sharedBlocks(blocksMax, leafSizeBytes), blocksMax);
  const segments = freshSegments(blobs);
  const trustedClock = { policyNow: () => clock.now(), expiryNow: () => clock.now(), lag: () => null };
  const intents = new RunningIntents();
  services = { metadata, blobs, segments, clock, trustedClock, intents, hashPool, receiveBlocks, leafBlocks };
});
afterEach(() => metadata.close());

async function take(pool: BlockPool): Promise<Buffer> {
  const block = await pool.acquire(60_000);
  assert.ok(block !== null);
  return block;
}

/** A block that somebody keeps would be missing here. */
function assertBlocksAreBack(): void {
  for (const pool of [services.receiveBlocks, services.leafBlocks]) {
    assert.equal(idleBlocks(pool), blocksMax);
  }
}

const deadSegments = async () => {
  await metadata.markDead({ now: clock.now(), deletedBefore: 0, completedSince: 0, limit: 10 });
  return metadata.deadSegments({ afterKey: null, limit: 10 });
};

async function assertNothingIsLeft(): Promise<void> {
  const [key = ""] = blobs.keys;
  await assert.rejects(blobs.open(key), BlobMissingError);
  assert.deepEqual(await deadSegments(), [key]);
  assertBlocksAreBack();
}

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (let index = 0; start < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

const receive = (bytes: Uint8Array, more: Partial<IncomingSegment<Segment>> = {}): Promise<Segment> =>
  receiveSegment(services, {
    kind: "archive",
    ownerId: "owner",
    vaultArn: "arn:aws:glacier:us-east-1:012345678901:vaults/vault",
    description: "",
    firstByte: 0,
    sizeBytes: bytes.length,
    body: pieces(bytes, [65_536]),
    check: () => undefined,
    record: async (segment) => segment,
    ...more,
  });

async function read(segments: readonly Segment[], firstByte: number, lastByte: number): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of readVerified(services, [segments], { firstByte, lastByte })) {
    assert.ok(piece.length > 0 && piece.length <= mebibyte);
    copies.push(Buffer.from(piece));
  }
  return Buffer.concat(copies);
}

const sizes = [1, 1000, blockSizeBytes, blockSizeBytes + 1, mebibyte, 2 * mebibyte + 3];

describe("receiving a segment", () => {
  test("stores it, however its bytes come, with the hash of the naive tree", async () => {
    for (const sizeBytes of sizes) {
      const bytes = randomContent(sizeBytes);
      for (const chunks of [[sizeBytes], [7919, 1, 131_072], [blockSizeBytes - 1, 2]]) {
        const segment = await receive(bytes, { body: pieces(bytes, chunks) });
        assert.equal(segment.sizeBytes, sizeBytes);
        assert.equal(segment.treeHash, treeHashOf(bytes));
        assertSameBytes(await read([segment], 0, sizeBytes - 1), bytes);
      }
    }
    assertBlocksAreBack();
  });

  test("continues without a block while others hold all of them, and with one as soon as there is one", async () => {
    const held = await Promise.all(Array.from({ length: blocksMax }, () => take(services.receiveBlocks)));
    const bytes = randomContent(3 * blockSizeBytes + 1);
    async function* body() {
      yield* pieces(bytes.subarray(0, blockSizeBytes), [100_000]);
      for (const block of held) services.receiveBlocks.release(block);
      yield bytes.subarray(blockSizeBytes, blockSizeBytes + 1);
      assert.equal(idleBlocks(services.receiveBlocks), blocksMax - 1);
      yield* pieces(bytes.subarray(blockSizeBytes + 1), [100_000]);
    }
    const segment = await receive(bytes, { body: body() });
    assert.equal(segment.treeHash, treeHashOf(bytes));
    assertSameBytes(await read([segment], 0, bytes.length - 1), bytes);
    assertBlocksAreBack();
  });

  test("leaves nothing behind when the bytes are not what was claimed", async () => {
    for (const sizeBytes of sizes) {
      blobs.keys.length = 0;
      const check = () => {
        throw errors.checksumMismatch("one", "other");
      };
      await assert.rejects(receive(randomContent(sizeBytes), { check }), /Checksum mismatch/);
      await assertNothingIsLeft();
      await metadata.forgetSegments(await deadSegments());
    }
  });

  test("leaves nothing when the body is interrupted", async () => {
    for (const sizeBytes of sizes) {
      blobs.keys.length = 0;
      const bytes = randomContent(sizeBytes);
      async function* broken() {
        yield* pieces(bytes.subarray(0, sizeBytes - 1), [10_007]);
        throw new Error("the client went away");
      }
      await assert.rejects(receive(bytes, { body: broken() }), /the client went away/);
      await assertNothingIsLeft();
      await metadata.forgetSegments(await deadSegments());
    }
  });

  test("leaves nothing behind when the storage is full", async () => {
    const full = new MemoryBlobStore(1000);
    services = { ...services, blobs: full };
    await assert.rejects(receive(randomContent(mebibyte)), StorageFullError);
    assert.equal((await deadSegments()).length, 1);
    assertBlocksAreBack();
  });

  test("gives the bytes up when what they were for is refused", async () => {
    const record = async () => {
      throw errors.uploadNotFound("upload");
    };
    await assert.rejects(receive(randomContent(10), { record }), /upload ID was not found/);
    assert.deepEqual(await deadSegments(), blobs.keys);
  });

  test("is not swept while it runs, however long it takes", async () => {
    const bytes = randomContent(3);
    async function* slow() {
      for (const byte of bytes) {
        clock.advance(24 * 60 * 60 * 1000);
        await services.intents.renew(metadata, clock.now());
        assert.deepEqual(await deadSegments(), []);
        yield Uint8Array.of(byte);
      }
    }
    const segment = await receive(bytes, { body: slow() });
    assertSameBytes(await read([segment], 0, 2), bytes);
    // Nobody prolongs the lease of what has ended.
    clock.advance(26 * 60 * 60 * 1000);
    await services.intents.renew(metadata, clock.now());
    assert.deepEqual(await deadSegments(), blobs.keys);
  });

  test("gives the bytes up when the sweeper took their intent before they were visible", async () => {
    const key = { accountId, region: "us-east-1", vaultName: "vault" };
    await metadata.createVault({ id: "vault", key, now: 0 });
    const record = async (segment: Segment) => {
      clock.advance(26 * 60 * 60 * 1000);
      await metadata.forgetSegments(await deadSegments());
      const { ownerId, sizeBytes, treeHash } = segment;
      const id = ownerId as ArchiveId;
      const archive = { id, vaultId: "vault", description: "", sizeBytes, treeHash, createdAt: 0, deletedAt: null };
      await metadata.addArchive({ vault: key, accessVersion: 0, archive, segment });
      return segment;
    };
    await assert.rejects(receive(randomContent(10), { record }), InvariantError);
    assert.deepEqual(await deadSegments(), blobs.keys);
  });

  test("keeps the bytes while it is not known whether they count, until their lease has passed", async () => {
    const record = async () => {
      throw new MetadataUnavailableError("no answer");
    };
    await assert.rejects(receive(randomContent(10), { record }), MetadataUnavailableError);
    assert.deepEqual(await deadSegments(), []);
    await (await blobs.open(blobs.keys[0] ?? "")).close();
    clock.advance(26 * 60 * 60 * 1000);
    assert.deepEqual(await deadSegments(), blobs.keys);
  });

  test("more bodies at once than there are blocks wait for each other and are all stored", async () => {
    const bodies = Array.from({ length: 12 }, () => randomContent(mebibyte + 77));
    const segments = await Promise.all(bodies.map((bytes) => receive(bytes)));
    for (const [index, segment] of segments.entries()) {
      assertSameBytes(await read([segment], 0, mebibyte + 76), bodies[index] ?? Buffer.alloc(0));
    }
    assertBlocksAreBack();
  });
});

describe("reading verified", () => {
  test("any range of an archive of several segments gives exactly its bytes", async () => {
    const bytes = randomContent(5 * mebibyte + 11);
    const segments: Segment[] = [];
    for (let firstByte = 0; firstByte < bytes.length; firstByte += 2 * mebibyte) {
      segments.push(await receive(bytes.subarray(firstByte, firstByte + 2 * mebibyte), { firstByte }));
    }
    const offset = fc.nat({ max: bytes.length - 1 });
    const property = fc.asyncProperty(offset, offset, async (one, other) => {
      const [first, last] = one < other ? [one, other] : [other, one];
      const within = segments.filter(({ firstByte, sizeBytes }) => firstByte <= last && firstByte + sizeBytes > first);
      assertSameBytes(await read(within, first, last), bytes.subarray(first, last + 1));
    });
    await fc.assert(property, { numRuns: 60 });
    assertBlocksAreBack();
  });

  test("gives any range exactly also while others hold all blocks, and takes one as soon as there is one", async () => {
    const bytes = randomContent(3 * mebibyte + 70_000);
    const segment = await receive(bytes);
    const held = await Promise.all(Array.from({ length: blocksMax }, () => take(services.leafBlocks)));
    const edges = [0, 1, 65_535, 65_536, mebibyte - 1, mebibyte, 2 * mebibyte + 5, bytes.length - 1];
    const reads = edges.flatMap((first) => edges.filter((last) => last >= first).map((last) => [first, last] as const));
    await Promise.all(
      reads.map(async ([first, last]) =>
        assertSameBytes(await read([segment], first, last), bytes.subarray(first, last + 1)),
      ),
    );
    const lengths: number[] = [];
    for await (const piece of readVerified(services, [[segment]], { firstByte: 0, lastByte: bytes.length - 1 })) {
      lengths.push(piece.length);
      if (lengths.length === 1) for (const block of held) services.leafBlocks.release(block);
    }
    assert.deepEqual(lengths, [...Array(16).fill(65_536), mebibyte, mebibyte, 70_000]);
    assertBlocksAreBack();
  });

  test("without blocks, no byte of a leaf comes out that is damaged, or changes while it is read", async () => {
    const bytes = randomContent(2 * mebibyte);
    const segment = await receive(bytes);
    await Promise.all(Array.from({ length: blocksMax }, () => take(services.leafBlocks)));
    /** Changes what lies at a position, the first time that it is read or from the second time on. */
    const readChanged = async (position: number, goodReads: number) => {
      let reads = 0;
      const open = async (key: string) => {
        const reader = await blobs.open(key);
        const readBytes = async (into: Uint8Array, at: number) => {
          await reader.read(into, at);
          const offset = position - at;
          if (offset >= 0 && offset < into.length && reads++ >= goodReads) into[offset] = ~(into[offset] ?? 0);
        };
        return { sizeBytes: reader.sizeBytes, read: readBytes, close: () => reader.close() };
      };
      const came: Buffer[] = [];
      const changed = { ...services, segments: freshSegments({ open } as unknown as KeepingStore) };
      const reading = async () => {
        const range = { firstByte: 0, lastByte: bytes.length - 1 };
        for await (const piece of readVerified(changed, [[segment]], range)) came.push(Buffer.from(piece));
      };
      await assert.rejects(reading, CorruptSegmentError);
      return Buffer.concat(came);
    };
    assertSameBytes(await readChanged(mebibyte + 200_000, 0), bytes.subarray(0, mebibyte));
    assertSameBytes(await readChanged(mebibyte + 200_000, 1), bytes.subarray(0, mebibyte + 196_608));
  });

  test("a reader that stops early gives its blocks back", async () => {
    const segment = await receive(randomContent(3 * mebibyte));
    for await (const piece of readVerified(services, [[segment]], { firstByte: 0, lastByte: 3 * mebibyte - 1 })) {
      assert.equal(piece.length, mebibyte);
      break;
    }
    assertBlocksAreBack();
  });

  test("more readers at once than there are blocks wait for each other", async () => {
    const bytes = randomContent(2 * mebibyte + 5);
    const segment = await receive(bytes);
    const readers = Array.from({ length: 20 }, () => read([segment], 0, bytes.length - 1));
    for (const got of await Promise.all(readers)) {
      assertSameBytes(got, bytes);
    }
    assertBlocksAreBack();
  });

  test("a segment whose row says something else than its footer is damaged, and one without a blob too", async () => {
    const segment = await receive(randomContent(2 * mebibyte));
    const absent = blobs.newKey("owner");
    for (const wrong of [
      { ownerId: "another" },
      { firstByte: mebibyte },
      { sizeBytes: segment.sizeBytes - 1 },
      { treeHash: treeHashOf(Buffer.from("x")) as TreeHash },
      { key: absent },
    ]) {
      const range = { firstByte: wrong.firstByte ?? 0, lastByte: mebibyte };
      await assert.rejects(read([{ ...segment, ...wrong }], range.firstByte, range.lastByte), CorruptSegmentError);
    }
    assertBlocksAreBack();
  });
});

describe("a pool of blocks", () => {
  test("makes no more blocks than it may, and whoever waits gets the next one that comes back", async () => {
    let made = 0;
    const pool = new BlockPool(() => {
      made += 1;
      return Buffer.alloc(1);
    }, 2);
    const first = await take(pool);
    await take(pool);
    assert.equal(pool.acquireIdle(), null);
    const order: string[] = [];
    const third = take(pool).then((block) => {
      order.push("third");
      return block;
    });
    const fourth = take(pool).then(() => order.push("fourth"));
    pool.release(first);
    assert.equal(await third, first, "the block itself goes from hand to hand");
    pool.release(await third);
    await fourth;
    assert.deepEqual([order, made], [["third", "fourth"], 2]);
  });

  test("a waiter that times out gets no block later", async () => {
    const pool = new BlockPool(() => Buffer.alloc(1), 1);
    const only = await take(pool);
    assert.equal(await pool.acquire(10), null);
    const next = take(pool);
    pool.release(only);
    assert.equal(await next, only);
    assert.equal(pool.acquireIdle(), null);
    pool.release(only);
    assert.equal(await take(pool), only);
  });

  test("blocks lie in shared memory, where hashing threads can read them, and do not overlap", () => {
    for (const sizeBytes of [blockSizeBytes, leafSizeBytes]) {
      const make = sharedBlocks(50, sizeBytes);
      const blocks = Array.from({ length: 50 }, make);
      for (const [index, block] of blocks.entries()) {
        assert.ok(block.buffer instanceof SharedArrayBuffer);
        assert.equal(block.length, sizeBytes);
        block.fill(index, 0, 1).fill(index, sizeBytes - 1);
      }
      for (const [index, block] of blocks.entries()) {
        assert.deepEqual([block[0], block.at(-1)], [index, index]);
      }
    }
  });
});
