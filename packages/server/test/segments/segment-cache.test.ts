import assert from "node:assert/strict";
import { beforeEach, describe, mock, test } from "node:test";
import { CorruptSegmentError, type Segment } from "../../src/domain/segment.ts";
import type { BlobReader } from "../../src/domain/stores/blob-store.ts";
import { SegmentCache } from "../../src/segments/segment-cache.ts";
import { mebibyte } from "../support/glacier.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { storedSegment } from "../support/stored-segment.ts";

/** Counts how often blobs are opened, and which readers are open still. */
class WatchedStore extends MemoryBlobStore {
  opened = 0;
  readonly openKeys: string[] = [];

  override async open(key: string): Promise<BlobReader> {
    this.opened += 1;
    const reader = await super.open(key);
    this.openKeys.push(key);
    return {
      sizeBytes: reader.sizeBytes,
      read: (into, position) => reader.read(into, position),
      close: async () => {
        this.openKeys.splice(this.openKeys.indexOf(key), 1);
        await reader.close();
      },
    };
  }
}

const limits = { segmentsMax: 3, leafBytesMax: mebibyte, ageMillisecondsMax: 30_000 };
let store: WatchedStore;
let cache: SegmentCache;
beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  store = new WatchedStore();
  cache = new SegmentCache(store, limits);
});

const stored = (ownerId: string, sizeBytes = 10) => storedSegment(store, ownerId, Buffer.alloc(sizeBytes));

async function use(segment: Segment): Promise<void> {
  await (await cache.open(segment)).close();
}

/** Closing continues in the background. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a cache of open segments", () => {
  test("opens a segment once for readers at the same time, and for later ones", async () => {
    const segment = await stored("one");
    const readers = await Promise.all(Array.from({ length: 20 }, () => cache.open(segment)));
    await Promise.all(readers.map(({ close }) => close()));
    await use(segment);
    assert.equal(store.opened, 1);
    await cache.close();
    assert.deepEqual(store.openKeys, []);
  });

  test("closes the least recently used beyond its number", async () => {
    const segments = await Promise.all(["a", "b", "c", "d"].map((owner) => stored(owner)));
    const [a, b, c, d] = segments as [Segment, Segment, Segment, Segment];
    for (const segment of [a, b, c, a, d]) {
      await use(segment);
    }
    await settle();
    assert.deepEqual(new Set(store.openKeys), new Set([a.key, c.key, d.key]));
    await use(a);
    assert.equal(store.opened, 4);
    await use(b);
    assert.equal(store.opened, 5);
  });

  test("closes the least recently used beyond its bytes of leaf hashes, also one that exceeds them alone", async () => {
    const footerBytes = 12 + 300 + 44;
    cache = new SegmentCache(store, { ...limits, leafBytesMax: 2 * (40 * 32 + footerBytes) });
    const [a, b] = await Promise.all([stored("a", 40 * mebibyte), stored("b", 40 * mebibyte)]);
    await use(a);
    await use(b);
    assert.equal(store.openKeys.length, 2);
    const c = await stored("c", 40 * mebibyte);
    await use(c);
    await settle();
    assert.deepEqual(new Set(store.openKeys), new Set([b.key, c.key]));
    cache = new SegmentCache(store, { ...limits, leafBytesMax: 100 });
    const open = await cache.open(c);
    assert.equal(open.footer.leaves.length, 40 * 32, "its reader has it all the same");
    await open.close();
    assert.equal(store.openKeys.filter((key) => key === c.key).length, 1, "only in the other cache");
  });

  test("never closes what is being read", async () => {
    const segments = await Promise.all(["a", "b", "c", "d", "e"].map((owner) => stored(owner)));
    const readers = await Promise.all(segments.map((segment) => cache.open(segment)));
    mock.timers.tick(limits.ageMillisecondsMax);
    await settle();
    assert.equal(store.openKeys.length, 5);
    for (const { reader } of readers) {
      await reader.read(Buffer.alloc(10), 0);
    }
    for (const { close } of readers) {
      await close();
      await close();
    }
    assert.deepEqual(store.openKeys, []);
  });

  test("reads a footer again when it has become old, however often it is used", async () => {
    const segment = await stored("one");
    await use(segment);
    mock.timers.tick(limits.ageMillisecondsMax - 1);
    await use(segment);
    assert.equal(store.opened, 1);
    mock.timers.tick(1);
    await settle();
    assert.deepEqual(store.openKeys, []);
    await use(segment);
    assert.equal(store.opened, 2);
  });

  test("opens again a segment that it had to forget, while its readers keep theirs", async () => {
    const segment = await stored("one");
    const reader = await cache.open(segment);
    const other = await cache.open(segment);
    cache.forget(segment.key);
    cache.forget("unknown");
    await use(segment);
    assert.equal(store.opened, 2);
    await other.reader.read(Buffer.alloc(10), 0);
    await reader.close();
    assert.equal(store.openKeys.length, 2);
    await other.close();
    assert.equal(store.openKeys.length, 1);
  });

  test("does not keep what could not be opened, and tells all who asked", async () => {
    const segment = await stored("one");
    const absent = { ...segment, key: store.newKey("one") };
    const results = await Promise.allSettled([cache.open(absent), cache.open(absent)]);
    assert.deepEqual(
      results.map((result) => result.status === "rejected" && result.reason instanceof CorruptSegmentError),
      [true, true],
    );
    await assert.rejects(cache.open(absent), CorruptSegmentError);
    assert.equal(store.opened, 2);
  });

  test("compares the row with the footer each time", async () => {
    const segment = await stored("one");
    await use(segment);
    for (const wrong of [
      { ownerId: "two" },
      { firstByte: mebibyte },
      { sizeBytes: 9 },
      { treeHash: segment.treeHash.replace(/^./, "z") },
    ]) {
      await assert.rejects(cache.open({ ...segment, ...wrong } as Segment), CorruptSegmentError);
    }
    await use(segment);
  });
});
