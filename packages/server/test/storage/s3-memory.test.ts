import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BlobStoreUnavailableError } from "../../src/domain/stores/blob-store.ts";
import { Circuit } from "../../src/storage/blobs/s3/circuit.ts";
import { ReadMemory, type Window } from "../../src/storage/blobs/s3/read-memory.ts";
import { Tail } from "../../src/storage/blobs/s3/tail.ts";
import { WriteMemory } from "../../src/storage/blobs/s3/write-memory.ts";

// The bounds of the store in a bucket, which need no bucket.

/** Notes whether it was granted. */
function taking(memory: WriteMemory, owner: object, sizeBytes: number) {
  const state = { isGranted: false };
  void memory.take(owner, sizeBytes).then(() => {
    state.isGranted = true;
  });
  return state;
}

test("bytes wait for those that are stored, and the oldest upload never waits", async () => {
  const memory = new WriteMemory(100);
  const [oldest, second, third] = [{}, {}, {}];
  await memory.take(oldest, 60);
  await memory.take(second, 40);
  const [waiting, behind] = [taking(memory, second, 10), taking(memory, third, 1)];
  await turn();
  assert.deepEqual([waiting.isGranted, behind.isGranted], [false, false]);
  await memory.take(oldest, 50);
  memory.give(oldest, 60);
  await turn();
  assert.deepEqual([waiting.isGranted, behind.isGranted], [true, false], "99 of 100 are held, or more");
  memory.end(oldest);
  await turn();
  assert.ok(behind.isGranted);
});

test("the next upload is the oldest once the one before has ended", async () => {
  const memory = new WriteMemory(10);
  const [first, second] = [{}, {}];
  await memory.take(first, 10);
  const waiting = taking(memory, second, 50);
  await turn();
  assert.ok(!waiting.isGranted);
  memory.end(first);
  await turn();
  assert.ok(waiting.isGranted, "else an upload larger than the memory would wait for ever");
});

test("bytes that waited for too long are refused as by a store that is away", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const memory = new WriteMemory(10);
  await memory.take({}, 10);
  const refused = assert.rejects(memory.take({}, 1), BlobStoreUnavailableError);
  t.mock.timers.tick(30_000);
  await refused;
});

test("drops the window that was read longest ago, and none that is being fetched", () => {
  const memory = new ReadMemory(100);
  const dropped: string[] = [];
  const windowOf = (name: string, sizeBytes: number, isFetched: boolean): Window => ({
    start: 0,
    end: sizeBytes,
    bytes: Promise.resolve(Buffer.alloc(0)),
    fetched: isFetched ? Buffer.alloc(0) : null,
    readers: 0,
    drop: () => void dropped.push(name),
  });
  const [first, second, third] = [windowOf("1", 40, true), windowOf("2", 30, true), windowOf("3", 30, false)];
  for (const window of [first, second, third, first]) {
    memory.use(window);
  }
  assert.ok(memory.makeRoom(30));
  assert.deepEqual(dropped, ["2"]);
  assert.ok(!memory.makeRoom(80), "the third is on its way");
  assert.deepEqual(dropped, ["2", "1"]);
  memory.forget(third);
  assert.ok(memory.makeRoom(100));
});

test("the memory of a window is used again once nobody reads it, and never before", () => {
  const memory = new ReadMemory(100 * 1024 ** 2);
  const sizeBytes = 8 * 1024 ** 2;
  const windowOf = (bytes: Buffer<ArrayBuffer>, readers: number): Window => ({
    start: 0,
    end: sizeBytes,
    bytes: Promise.resolve(bytes),
    fetched: bytes,
    readers,
    drop: () => undefined,
  });
  const [read, unread] = [memory.allocate(sizeBytes), memory.allocate(sizeBytes)];
  for (const window of [windowOf(read, 1), windowOf(unread, 0)]) {
    memory.use(window);
    memory.forget(window);
    memory.forget(window);
  }
  const taken = [memory.allocate(sizeBytes), memory.allocate(sizeBytes)];
  assert.equal(taken[0]?.buffer, unread.buffer);
  assert.ok(!taken.some(({ buffer }) => buffer === read.buffer));
  assert.notEqual(taken[1]?.buffer, unread.buffer);
});

test("the last bytes of many pieces are kept, and no more", () => {
  const tail = new Tail();
  const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251));
  for (let start = 0, length = 1; start < bytes.length; start += length, length = (length * 7) % 90_001) {
    tail.append(bytes.subarray(start, start + length));
  }
  const kept = tail.bytes();
  assert.equal(kept.length, 136 * 1024);
  assert.ok(kept.equals(bytes.subarray(bytes.length - kept.length)));
  const short = new Tail();
  short.append(Buffer.from("abc"));
  short.append(Buffer.from("def"));
  assert.equal(short.bytes().toString(), "abcdef");
});

test("a store counts as away after three failures in a row, until a probe succeeds", async () => {
  let isAway = true;
  const seen: (string | null)[] = [];
  const circuit = new Circuit({
    probe: async () => {
      if (isAway) {
        throw new Error("away");
      }
    },
    onChange: (reason) => seen.push(reason),
    probeMilliseconds: 2,
  });
  const fail = () => assert.rejects(circuit.watch(() => Promise.reject(new Error("no route"))));
  await fail();
  await fail();
  await circuit.watch(async () => undefined);
  await fail();
  await fail();
  circuit.assertClosed();
  await fail();
  assert.throws(() => circuit.assertClosed(), BlobStoreUnavailableError);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(seen, ["read-only: no route"]);
  isAway = false;
  while (circuit.reason !== null) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.deepEqual(seen, ["read-only: no route", null]);
  circuit.assertClosed();
  await circuit.stop();
});

test("a store that nobody uses is probed: it counts as away and as back without an upload", async () => {
  let isAway = false;
  let probes = 0;
  const seen: (string | null)[] = [];
  const circuit = new Circuit({
    probe: async () => {
      probes += 1;
      if (isAway) {
        throw new Error("no route");
      }
    },
    onChange: (reason) => seen.push(reason),
    probeMilliseconds: 2,
    idleMilliseconds: 20,
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(probes, 0);
  circuit.start();
  await until(() => probes >= 2);
  isAway = true;
  await until(() => circuit.reason !== null);
  isAway = false;
  await until(() => circuit.reason === null);
  await circuit.stop();
  assert.deepEqual(seen, ["read-only: no route", null]);
  const stopped = probes;
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(probes, stopped);
});
