import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  BlobMissingError,
  type BlobPage,
  BlobStoreUnavailableError,
} from "../../packages/server/src/domain/stores/blob-store.ts";
import type { S3BlobStore, S3StoreOptions } from "../../packages/server/src/storage/blobs/s3/s3-blob-store.ts";
import {
  assertSameBytes,
  blobStoreContract,
  readBlob,
  storeBlob,
} from "../../packages/server/test/contract/blob-store.ts";
import { contentOf } from "../support/content.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { S3Proxy } from "../support/engines/s3-proxy.ts";
import { openS3Store } from "../support/engines/s3-store.ts";

// The contract of blob stores over S3: Ceph's, and Swift's as the poorest dialect; and the requests that are made of them.

const mebibyte = 1024 ** 2;
const dayMilliseconds = 86_400_000;

for (const name of ["ceph", "swift"] as const) {
  describe(`over ${name}`, { skip: missingEngine(name) }, () => {
    let engine: Engine;
    let endpoint: string;
    const stores: S3BlobStore[] = [];

    before(async () => {
      engine = await startEngine(name);
      endpoint = engine.variables["S3_ENDPOINT"] ?? "";
    });
    after(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await engine[Symbol.asyncDispose]();
    });

    async function open(place: S3Place = s3Place(engine), options: Partial<S3StoreOptions> = {}): Promise<S3BlobStore> {
      const store = await openS3Store(place, options);
      stores.push(store);
      return store;
    }

    blobStoreContract(`S3 of ${name}`, open);

    for (const sizeBytes of [-1, 0, 1, 8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1].map(
      (more) => 8 * mebibyte + more,
    )) {
      test(`a blob of ${sizeBytes} bytes is stored in pieces of any size`, async () => {
        const store = await open();
        const bytes = contentOf(sizeBytes, sizeBytes);
        const key = store.newKey("owner");
        const writer = await store.create(key, sizeBytes + 1000);
        for (let start = 0, length = 3_000_000; start < sizeBytes; start += length, length = 2 * mebibyte) {
          await writer.write(bytes.subarray(start, start + length));
        }
        await writer.commit();
        assertSameBytes(await readBlob(store, key), bytes);
      });
    }

    test("writes that overlap over several parts land in the order of their calls", async () => {
      const store = await open();
      const bytes = contentOf(5, 40 * mebibyte);
      const key = store.newKey("owner");
      const writer = await store.create(key, bytes.length);
      const pieces = Array.from({ length: 14 }, (_, at) => bytes.subarray(at * 3 * mebibyte, (at + 1) * 3 * mebibyte));
      await Promise.all(pieces.map((piece) => writer.write(piece)));
      await writer.commit();
      assertSameBytes(await readBlob(store, key), bytes);
    });

    test("parts that a process left are aborted by a start a day later, and not before", async () => {
      const place = s3Place(engine);
      const look = lookInto(place, endpoint);
      const left = await (await open(place)).create("ab/cd/owner.0000000000000000", 20 * mebibyte);
      await left.write(contentOf(1, 17 * mebibyte));
      const ageing = (milliseconds: number) => open(place, { now: () => Date.now() + milliseconds });
      await ageing(dayMilliseconds - 60_000);
      assert.equal((await look.unfinished()).length, 1);
      await ageing(dayMilliseconds + 60_000);
      assert.deepEqual(await look.unfinished(), []);
      await left.discard();
      assert.deepEqual(await look.keys(), []);
      look.close();
    });

    test("a list has more than a page of a store, each name once, and the time of the store's clock", async () => {
      await using proxy = await S3Proxy.start(endpoint);
      const place = s3Place(engine, proxy.url);
      const [store, look] = [await open(place), lookInto(place, endpoint)];
      const names = Array.from({ length: 1001 }, (_, index) => `ab/cd/owner.${String(index).padStart(16, "0")}`);
      for (let start = 0; start < names.length; start += 20) {
        await Promise.all(names.slice(start, start + 20).map((name) => look.put(`segments/${name}`, name)));
      }
      await look.put("other", "is in another folder");
      // The SDK signs by a clock that differs by more than five minutes.
      const date = new Date(Date.now() + 4 * 60_000).toUTCString();
      proxy.fault = () => ({ date });
      const pages: BlobPage[] = [];
      for await (const page of store.list("")) {
        pages.push(page);
      }
      assert.deepEqual(
        pages.map(({ blobs, listedAt }) => [blobs.length, listedAt]),
        [1000, 1].map((count) => [count, Date.parse(date)]),
      );
      assert.deepEqual(
        pages.flatMap(({ blobs }) => blobs).map(({ key, sizeBytes }) => [key, sizeBytes]),
        names.map((name) => [name, name.length]),
      );
      look.close();
    });

    test("a list that cannot be read is no empty list", async () => {
      await using proxy = await S3Proxy.start(endpoint);
      const store = await open(s3Place(engine, proxy.url));
      await storeBlob(store, Buffer.from("1"));
      const isList = ({ query }: { query: URLSearchParams }) => query.has("list-type");
      for (const fault of [{ refuse: 403 }, { errorInside: "InternalError" }, { shortenTo: 100 }]) {
        proxy.fault = (request) => (isList(request) ? fault : undefined);
        await assert.rejects(store.list("").next(), BlobStoreUnavailableError, JSON.stringify(fault));
      }
    });

    test("an object that is to be kept is not removed, and counts as removed", async () => {
      const kept = new Set<string>();
      const store = await open(s3Place(engine), { isKept: (key) => kept.has(key) });
      const [first, second] = [await storeBlob(store, Buffer.from("1")), await storeBlob(store, Buffer.from("2"))];
      kept.add(first);
      assert.deepEqual(await store.remove([first, second]), []);
      assert.equal((await readBlob(store, first)).toString(), "1");
      await assert.rejects(store.open(second), BlobMissingError);
    });

    test("a read of many MiB makes few requests, and one of a MiB asks for that alone", async () => {
      await using proxy = await S3Proxy.start(endpoint);
      const store = await open(s3Place(engine, proxy.url));
      const bytes = contentOf(3, 40 * mebibyte);
      const reader = await store.open(await storeBlob(store, bytes));
      const ranges = (from: number) => proxy.requests.slice(from).map(({ range }) => range);
      let from = proxy.requests.length;
      const leaf = Buffer.alloc(mebibyte);
      await reader.read(leaf, 20 * mebibyte);
      assertSameBytes(leaf, bytes.subarray(20 * mebibyte, 21 * mebibyte));
      assert.deepEqual(ranges(from), [`bytes=${20 * mebibyte}-${21 * mebibyte - 1}`]);
      from = proxy.requests.length;
      // Several readers of one object, as parallel downloads are.
      await Promise.all(
        [0, 10, 20, 30].map(async (first) => {
          const into = Buffer.alloc(mebibyte);
          for (let at = first; at < first + 10; at += 1) {
            await reader.read(into, at * mebibyte);
            assertSameBytes(into, bytes.subarray(at * mebibyte, (at + 1) * mebibyte));
          }
        }),
      );
      const asked = proxy.requests.length - from;
      assert.ok(asked <= 24, `${asked} requests`);
      await reader.close();
    });

    test("bytes have no MD5 for a store that was seen to refuse others, and what it has received is not read back", async () => {
      await using proxy = await S3Proxy.start(endpoint);
      const store = await open(s3Place(engine, proxy.url));
      const from = proxy.requests.length;
      const bytes = contentOf(5, 20 * mebibyte);
      const key = await storeBlob(store, bytes);
      const requests = proxy.requests.slice(from);
      assert.ok(requests.some(({ method }) => method === "PUT") && !requests.some(({ hasMd5 }) => hasMd5));
      assert.deepEqual(
        requests.filter(({ method }) => method === "GET").map(({ range }) => range?.startsWith("bytes=-")),
        [true],
      );
      assertSameBytes(await readBlob(store, key), bytes);
    });

    test("a store that checks no hash, and shows another than MD5, is read back as a whole", async () => {
      await using proxy = await S3Proxy.start(endpoint);
      proxy.fault = ({ method, hasMd5 }) => (method === "PUT" && !hasMd5 ? { isFalseSuccess: true } : undefined);
      const store = await open(s3Place(engine, proxy.url));
      proxy.fault = ({ method }) => (method === "PUT" ? { etag: `"${"0".repeat(32)}"` } : undefined);
      const bytes = contentOf(4, mebibyte);
      const key = await storeBlob(store, bytes);
      assert.equal(proxy.requests.at(-1)?.range, `bytes=0-${mebibyte - 1}`);
      assertSameBytes(await readBlob(store, key), bytes);
      // The middle of it is seen by that alone.
      proxy.fault = ({ method, range }) => {
        const isWhole = range === `bytes=0-${mebibyte - 1}`;
        return method === "PUT" ? { etag: '"-"' } : isWhole ? { flipReceived: 500_000 } : undefined;
      };
      await assert.rejects(storeBlob(store, bytes), /other bytes are read back/);
    });
  });
}
