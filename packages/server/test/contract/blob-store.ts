import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { leafSizeBytes } from "@moraine/protocol";
import { InvariantError } from "../../src/domain/invariant.ts";
import {
  type BlobDriver,
  BlobMissingError,
  type BlobStore,
  type ListedBlob,
} from "../../src/domain/stores/blob-store.ts";
import { sharedBlocks } from "../../src/segments/blocks.ts";

const owner = "-owner_0";

type ListingStore = BlobStore & Pick<BlobDriver, "list">;

/** The tests that every blob store must pass; `open` gives a new, empty one each time. */
export function blobStoreContract(name: string, open: () => Promise<ListingStore>): void {
  describe(`${name} blob store`, () => {
    visibility(open);
    reading(open);
    readingUncached(open);
    naming(open);
    listing(open);
  });
}

/** Stores one blob whole and gives its key. */
export async function storeBlob(store: BlobStore, bytes: Uint8Array, ownerId = owner): Promise<string> {
  const key = store.newKey(ownerId);
  const writer = await store.create(key, bytes.length);
  await writer.write(bytes);
  await writer.commit();
  return key;
}

export async function readBlob(store: BlobStore, key: string): Promise<Buffer> {
  const reader = await store.open(key);
  try {
    const bytes = Buffer.alloc(reader.sizeBytes);
    await reader.read(bytes, 0);
    return bytes;
  } finally {
    await reader.close();
  }
}

/** Unlike `deepEqual`, does not spend minutes on printing how two large blobs differ. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array | undefined): void {
  assert.ok(expected !== undefined && Buffer.compare(actual, expected) === 0, "the bytes differ");
}

function visibility(open: () => Promise<BlobStore>): void {
  test("writes that overlap land in the order of their calls", async () => {
    const store = await open();
    const key = store.newKey("owner");
    const pieces = Array.from({ length: 5 }, (_, index) => Buffer.alloc(1024 * 1024, index + 1));
    const writer = await store.create(key, 5 * 1024 * 1024);
    await Promise.all(pieces.map((piece) => writer.write(piece)));
    await writer.commit();
    assertSameBytes(await readBlob(store, key), Buffer.concat(pieces));
  });

  test("a blob is invisible until it is committed", async () => {
    const store = await open();
    const key = store.newKey(owner);
    const writer = await store.create(key, 5);
    await assert.rejects(store.open(key), BlobMissingError);
    await writer.write(Buffer.from("whole"));
    await assert.rejects(store.open(key), BlobMissingError);
    await writer.commit();
    assert.equal((await readBlob(store, key)).toString(), "whole");
  });

  test("a discarded blob never was, and discarding again does nothing", async () => {
    const store = await open();
    const key = store.newKey(owner);
    const writer = await store.create(key, 5);
    await writer.write(Buffer.from("whole"));
    await writer.discard();
    await writer.discard();
    await assert.rejects(store.open(key), BlobMissingError);
    await assert.rejects(writer.write(Buffer.from("x")), InvariantError);
    await assert.rejects(writer.commit(), InvariantError);
  });

  test("a discard after the commit leaves the blob", async () => {
    const store = await open();
    const key = store.newKey(owner);
    const writer = await store.create(key, 1);
    await writer.write(Buffer.from("a"));
    await writer.commit();
    await writer.discard();
    await assert.rejects(writer.commit(), InvariantError);
    assert.equal((await readBlob(store, key)).toString(), "a");
  });

  test("64 writers at once do not mix", async () => {
    const store = await open();
    const blobs = Array.from({ length: 64 }, (_, index) => randomBytes(20_000 + index));
    const keys = await Promise.all(
      blobs.map(async (bytes) => {
        const key = store.newKey(owner);
        const writer = await store.create(key, bytes.length);
        for (let start = 0; start < bytes.length; start += 3000) {
          await writer.write(bytes.subarray(start, start + 3000));
        }
        await writer.commit();
        return key;
      }),
    );
    for (const [index, key] of keys.entries()) {
      assertSameBytes(await readBlob(store, key), blobs[index]);
    }
  });

  test("a removed blob is gone, and removing it again succeeds", async () => {
    const store = await open();
    const key = await storeBlob(store, Buffer.from("a"));
    const neighbour = await storeBlob(store, Buffer.from("b"));
    assert.deepEqual(await store.remove([key]), []);
    await assert.rejects(store.open(key), BlobMissingError);
    assert.deepEqual(await store.remove([key, store.newKey(owner)]), []);
    assert.equal((await readBlob(store, neighbour)).toString(), "b");
  });

  test("many blobs are removed at once, and one that cannot be stops no other", async () => {
    const store = await open();
    const keys = await Promise.all(Array.from({ length: 100 }, () => storeBlob(store, Buffer.from("a"))));
    const failures = await store.remove([...keys.slice(0, 50), "no key", ...keys.slice(50)]);
    assert.deepEqual(
      failures?.map(({ key }) => key),
      ["no key"],
    );
    for (const key of keys) {
      await assert.rejects(store.open(key), BlobMissingError);
    }
  });
}

function reading(open: () => Promise<BlobStore>): void {
  test("every range reads back exactly, also when the writer's buffer was used again", async () => {
    const store = await open();
    const bytes = randomBytes(300_000);
    const key = store.newKey(owner);
    const writer = await store.create(key, bytes.length);
    const buffer = Buffer.alloc(70_000);
    for (let start = 0; start < bytes.length; start += buffer.length) {
      const piece = buffer.subarray(0, bytes.copy(buffer, 0, start));
      await writer.write(piece);
      buffer.fill(0);
    }
    await writer.commit();

    const reader = await store.open(key);
    assert.equal(reader.sizeBytes, bytes.length);
    const ranges: [number, number][] = [
      [0, 300_000],
      [0, 1],
      [299_999, 1],
      [69_999, 2],
      [123_456, 100_000],
      [300_000, 0],
    ];
    await Promise.all(
      ranges.map(async ([position, length]) => {
        const into = Buffer.alloc(length);
        await reader.read(into, position);
        assertSameBytes(into, bytes.subarray(position, position + length));
      }),
    );
    await reader.close();
    await assert.rejects(reader.read(Buffer.alloc(1), 0));
  });

  test("a range that ends behind the blob is refused", async () => {
    const store = await open();
    const reader = await store.open(await storeBlob(store, Buffer.from("0123456789")));
    await assert.rejects(reader.read(Buffer.alloc(11), 0), /ends at 10/);
    await assert.rejects(reader.read(Buffer.alloc(2), 9), /ends at 10/);
    await assert.rejects(reader.read(Buffer.alloc(1), 1000), /ends/);
    await reader.close();
  });

  test("an empty blob is a blob", async () => {
    const store = await open();
    const key = store.newKey(owner);
    await (await store.create(key, 0)).commit();
    assert.equal((await readBlob(store, key)).length, 0);
  });

  test("a reader continues when its blob is removed", async () => {
    const store = await open();
    const key = await storeBlob(store, Buffer.from("still here"));
    const reader = await store.open(key);
    await store.remove([key]);
    const into = Buffer.alloc(4);
    await reader.read(into, 6);
    assert.equal(into.toString(), "here");
    await reader.close();
  });

  test("more bytes than were announced are refused", async () => {
    const store = await open();
    const writer = await store.create(store.newKey(owner), 3);
    await writer.write(Buffer.from("abc"));
    await assert.rejects(writer.write(Buffer.from("d")), InvariantError);
    await writer.discard();
  });
}

function readingUncached(open: () => Promise<BlobStore>): void {
  const memory = sharedBlocks(2, leafSizeBytes);
  const [into, scratch] = [memory(), memory().subarray(0, 8192)];

  test("every range reads back from the medium, wherever it begins and ends", async () => {
    const store = await open();
    const bytes = randomBytes(300_000);
    const reader = await store.openUncached(await storeBlob(store, bytes), scratch);
    assert.equal(reader.sizeBytes, bytes.length);
    const ranges = [
      [0, 300_000],
      [0, 1],
      [4096, 4096],
      [8192, 12_288],
      [4095, 8194],
      [299_999, 1],
      [294_912, 5088],
      [300_000, 0],
    ] as const;
    for (const [position, length] of ranges) {
      await reader.read(into.fill(0).subarray(0, length), position);
      assertSameBytes(into.subarray(0, length), bytes.subarray(position, position + length));
      // Memory that begins anywhere.
      const elsewhere = Buffer.alloc(length + 1).subarray(1);
      await reader.read(elsewhere, position);
      assertSameBytes(elsewhere, bytes.subarray(position, position + length));
    }
    await reader.close();
  });

  test("an uncached read that ends behind the blob is refused", async () => {
    const store = await open();
    for (const sizeBytes of [10, 4096, 8192]) {
      const reader = await store.openUncached(await storeBlob(store, Buffer.alloc(sizeBytes)), scratch);
      await assert.rejects(reader.read(into.subarray(0, sizeBytes + 1), 0), /ends at/);
      await assert.rejects(reader.read(into.subarray(0, 1), sizeBytes), /ends at/);
      await reader.close();
    }
  });

  test("a missing blob is said to be missing when it is opened uncached", async () => {
    const store = await open();
    await assert.rejects(store.openUncached(store.newKey(owner), scratch), BlobMissingError);
  });
}

function naming(open: () => Promise<BlobStore>): void {
  test("keys never repeat, also for one owner", async () => {
    const store = await open();
    const keys = Array.from({ length: 5000 }, () => store.newKey(owner));
    assert.equal(new Set(keys).size, keys.length);
  });

  test("a key serves one blob, and the first one stays as it is", async () => {
    const store = await open();
    const key = store.newKey(owner);
    const writer = await store.create(key, 5);
    await assert.rejects(store.create(key, 6));
    await writer.write(Buffer.from("first"));
    await writer.commit();

    const late = await store.create(key, 6);
    await late.write(Buffer.from("second"));
    await assert.rejects(late.commit());
    await late.discard();
    assert.equal((await readBlob(store, key)).toString(), "first");
  });

  test("text that is not a key of ours is never looked up", async () => {
    const store = await open();
    const key = store.newKey(owner);
    for (const text of ["", "..", `../${key}`, `${key}/../x`, `/${key}`, key.slice(1), `${key}\n`, `${key}\0`]) {
      await assert.rejects(store.create(text, 1), InvariantError, text);
      await assert.rejects(store.open(text), InvariantError, text);
      const failure = (await store.remove([text]))?.[0];
      assert(failure?.error instanceof InvariantError, text);
    }
    for (const ownerId of ["", "..", "a/b", "a.b", "a\n", "é", "a".repeat(139)]) {
      assert.throws(() => store.newKey(ownerId), InvariantError, ownerId);
    }
    await storeBlob(store, Buffer.from("a"), "_".repeat(138));
  });
}

function listing(open: () => Promise<ListingStore>): void {
  async function listed(store: ListingStore, prefix: string): Promise<ListedBlob[]> {
    const found: ListedBlob[] = [];
    for await (const { blobs, listedAt } of store.list(prefix)) {
      assert.ok(blobs.every(({ changedAt }) => changedAt <= listedAt + 1000 && changedAt > listedAt - 600_000));
      found.push(...blobs);
    }
    return found;
  }

  test("all that is stored is listed once, in bytewise order of the keys, with its size", async () => {
    const store = await open();
    assert.deepEqual(await listed(store, ""), []);
    const sizes = new Map<string, number>();
    for (const ownerId of ["owner", "-owner", "Owner", "_owner", "0owner", "owner-1", "owner", "owner0"]) {
      sizes.set(await storeBlob(store, Buffer.alloc(sizes.size), ownerId), sizes.size);
    }
    const unfinished = await store.create(store.newKey(owner), 1);
    const found = await listed(store, "");
    assert.deepEqual(
      found.map(({ key, sizeBytes }) => [key, sizeBytes]),
      [...sizes].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    );
    await unfinished.discard();
  });

  test("a list begins with its prefix, and ends without what was removed", async () => {
    const store = await open();
    const keys = await Promise.all(Array.from({ length: 30 }, (_, index) => storeBlob(store, Buffer.of(index))));
    const [first = "", ...others] = keys.sort();
    const shelf = first.slice(0, 6);
    const keysFrom = async (prefix: string) => (await listed(store, prefix)).map(({ key }) => key);
    assert.deepEqual(
      await keysFrom(shelf),
      keys.filter((key) => key.startsWith(shelf)),
    );
    assert.deepEqual(await keysFrom(first), [first]);
    assert.deepEqual(
      await keysFrom(first.slice(0, 4)),
      keys.filter((key) => key.startsWith(first.slice(0, 4))),
    );
    assert.deepEqual(await keysFrom("zz/"), []);
    await store.remove([first]);
    assert.deepEqual(await keysFrom(""), others);
  });
}
