import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { BlobMissingError, BlobStoreUnavailableError } from "../../packages/server/src/domain/stores/blob-store.ts";
import type { S3BlobStore } from "../../packages/server/src/storage/blobs/s3/s3-blob-store.ts";
import { assertSameBytes, readBlob, storeBlob } from "../../packages/server/test/contract/blob-store.ts";
import { contentOf } from "../support/content.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { type S3Fault, S3Proxy, type S3Request } from "../support/engines/s3-proxy.ts";
import { openS3Store } from "../support/engines/s3-store.ts";

// A hostile way to Ceph: each request of an upload and of a read fails once, or always, in each way that it can.

const mebibyte = 1024 ** 2;
const small = contentOf(1, 100_000);
/** Three parts, the last one shorter. */
const large = contentOf(2, 17 * mebibyte + 5);

const isPut = ({ method, query }: S3Request) => method === "PUT" && !query.has("partNumber");
const isPart = ({ method, query }: S3Request) => method === "PUT" && query.has("partNumber");
const isBegin = ({ method, query }: S3Request) => method === "POST" && query.has("uploads");
const isComplete = ({ method, query }: S3Request) => method === "POST" && query.has("uploadId");
const isGet = ({ method }: S3Request) => method === "GET";

/** Faults that pass, by what they are called. */
const passing: Readonly<Record<string, S3Fault>> = {
  "an internal error": { refuse: 500 },
  "a busy store": { refuse: 503 },
  "a reset before the store hears of it": { reset: "before" },
  "a reset after the store has done it": { reset: "after" },
};
const ofBodies: Readonly<Record<string, S3Fault>> = {
  "a bit flipped on the way": { flipSent: 4321 },
  "a request that lands late": { lateMilliseconds: 1500 },
};
const ofResponses: Readonly<Record<string, S3Fault>> = {
  "a reset in the middle": { cutAfter: 1000 },
  "a response that ends early": { shortenTo: 777 },
};

describe("a store behind a hostile network", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  let proxy: S3Proxy;
  let store: S3BlobStore;
  let look: ReturnType<typeof lookInto>;

  before(async () => {
    engine = await startEngine("ceph");
    const endpoint = engine.variables["S3_ENDPOINT"] ?? "";
    proxy = await S3Proxy.start(endpoint);
    const place = s3Place(engine, proxy.url);
    look = lookInto(place, endpoint);
    store = await openS3Store(place, { probeMilliseconds: 20 });
  });
  after(async () => {
    await store.close();
    look.close();
    await proxy[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    proxy.fault = () => undefined;
  });

  /** Lets the first request that matches fail. Returns whether there was one. */
  function failOnce(matches: (request: S3Request) => boolean, fault: S3Fault): () => boolean {
    let hasFailed = false;
    proxy.fault = (request) => {
      if (hasFailed || !matches(request)) {
        return undefined;
      }
      hasFailed = true;
      return fault;
    };
    return () => hasFailed;
  }

  for (const [matches, name, bytes, faults] of [
    [isPut, "a small blob's PUT", small, { ...passing, ...ofBodies }],
    [isPart, "a part", large, { ...passing, ...ofBodies }],
    [isBegin, "the start of parts", large, passing],
    [isComplete, "the completion of parts", large, { ...passing, "an error inside": { errorInside: "InternalError" } }],
    [
      isGet,
      "reading back",
      small,
      { ...passing, "a cut response": { cutAfter: 5 }, "a short response": { shortenTo: 5 } },
    ],
  ] as const) {
    for (const [kind, fault] of Object.entries(faults)) {
      test(`${name} survives ${kind}`, async () => {
        const hasFailed = failOnce(matches, fault);
        const key = await storeBlob(store, bytes);
        assert.ok(hasFailed());
        await proxy.landed();
        assertSameBytes(await readBlob(store, key), bytes);
      });
    }
  }

  test("a completion counts whose response was lost, where a second one is refused", async () => {
    let completions = 0;
    proxy.fault = (request) => {
      completions += isComplete(request) ? 1 : 0;
      if (!isComplete(request)) {
        return undefined;
      }
      return completions === 1 ? { reset: "after" } : { refuse: 404, code: "NoSuchUpload" };
    };
    const key = await storeBlob(store, large);
    assert.equal(completions, 2);
    assertSameBytes(await readBlob(store, key), large);
    // It does not count when the upload is no more without an object.
    proxy.fault = (request) => (isComplete(request) ? { refuse: 404, code: "NoSuchUpload" } : undefined);
    await assert.rejects(storeBlob(store, large), BlobStoreUnavailableError);
  });

  for (const [kind, fault] of Object.entries({ ...passing, ...ofResponses })) {
    test(`a read survives ${kind}`, async () => {
      const key = await storeBlob(store, large);
      const reader = await store.open(key);
      const hasFailed = failOnce(isGet, fault);
      const bytes = Buffer.alloc(large.length);
      for (let start = 0; start < bytes.length; start += mebibyte) {
        await reader.read(bytes.subarray(start, start + mebibyte), start);
      }
      assert.ok(hasFailed());
      assertSameBytes(bytes, large);
      await reader.close();
    });
  }

  for (const [kind, matches, bytes, fault] of [
    ["a PUT that never arrives and is answered with success", isPut, small, { isFalseSuccess: true }],
    ["a PUT that is always altered", isPut, small, { flipSent: 99 }],
    ["a part that is always altered", isPart, large, { flipSent: 99 }],
    ["a part that never arrives and is answered with success", isPart, large, { isFalseSuccess: true }],
    ["a completion that never succeeds", isComplete, large, { errorInside: "InternalError" }],
    ["reading back that shows other bytes", isGet, small, { flipReceived: small.length - 1 }],
    ["reading back that always ends early", isGet, small, { shortenTo: 10 }],
  ] as const) {
    test(`nothing is acknowledged after ${kind}`, async () => {
      const unfinished = await look.unfinished();
      proxy.fault = (request) => (matches(request) ? fault : undefined);
      const key = store.newKey("owner");
      const writer = await store.create(key, bytes.length);
      const written = writer.write(bytes).then(() => writer.commit());
      await assert.rejects(written, BlobStoreUnavailableError);
      await writer.discard();
      proxy.fault = () => undefined;
      assert.deepEqual(await look.unfinished(), unfinished, "its parts are aborted");
      await untilAccepted();
    });
  }

  test("a PUT that lands after its blob was removed makes an object that nothing refers to", async () => {
    failOnce(isPut, { lateMilliseconds: 2000 });
    const key = await storeBlob(store, small);
    assert.deepEqual(await store.remove([key]), []);
    await assert.rejects(store.open(key), BlobMissingError);
    await proxy.landed();
    assert.deepEqual(
      (await look.keys()).filter((found) => found.endsWith(key)),
      [`segments/${key}`],
    );
    await store.remove([key]);
  });

  test("a missing bucket, or a refusal, is no missing blob", async () => {
    const key = await storeBlob(store, small);
    proxy.fault = () => ({ refuse: 403 });
    await assert.rejects(store.open(key), BlobStoreUnavailableError);
    const failures = await store.remove([key]);
    assert.ok(failures?.[0]?.error instanceof BlobStoreUnavailableError);
    proxy.fault = () => undefined;
    assertSameBytes(await readBlob(store, key), small);
    const place = s3Place(engine);
    await assert.rejects(
      openS3Store({ ...place, url: place.url.replace("s3://", "s3://no-such-") }),
      BlobStoreUnavailableError,
    );
  });

  test("a store that is away refuses blobs at once, says so, and accepts them again when it is back", async () => {
    const seen: (string | null)[] = [];
    const watched = await openS3Store(s3Place(engine, proxy.url), {
      probeMilliseconds: 20,
      onChange: (reason) => seen.push(reason),
    });
    proxy.fault = () => ({ reset: "before" });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await assert.rejects(storeBlob(watched, small), BlobStoreUnavailableError);
    }
    assert.equal(watched.readOnly?.kind, "store_away");
    const asked = proxy.requests.length;
    const began = performance.now();
    await assert.rejects(watched.create(watched.newKey("owner"), 10), BlobStoreUnavailableError);
    assert.ok(performance.now() - began < 50 && proxy.requests.length - asked < 3);
    proxy.fault = () => undefined;
    await untilAccepted(watched);
    assert.equal(watched.readOnly, null);
    assert.deepEqual(
      seen.map((reason) => reason === null),
      [false, true],
    );
    await watched.close();
  });

  async function untilAccepted(opened = store): Promise<void> {
    const end = performance.now() + 20_000;
    while (opened.readOnly !== null) {
      assert.ok(performance.now() < end, "the store stays away");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertSameBytes(await readBlob(opened, await storeBlob(opened, small)), small);
  }
});
