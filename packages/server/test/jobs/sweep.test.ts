import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { newFolder, watchedDisk } from "../storage/watched-disk.ts";
import { eventually } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer, startTime, type TestServer } from "../support/server.ts";

const minute = 60_000;
const failure = (code: string) => Object.assign(new Error(`${code}: on purpose`), { code });

let metadata: MetadataStore;
let blobs: FilesystemBlobStore;
let clock: ManualClock;
/** Called before each call of the disk: what it throws is the call's failure. */
let beforeCall: (call: string) => void | Promise<void>;
let server: TestServer | undefined;
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  clock = new ManualClock(startTime);
  beforeCall = () => undefined;
  const folder = await newFolder();
  blobs = new FilesystemBlobStore(folder, watchedDisk(folder, (call) => beforeCall(call)).disk);
  await blobs.prepare();
});
afterEach(async () => {
  beforeCall = () => undefined;
  await server?.stop();
  await metadata.close();
});

/** Files of segments that were given up, with their rows; resolves to their keys in the order in which they are swept. */
async function deadBlobs(count: number, shelf = "00/00"): Promise<string[]> {
  const keys: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const ownerId = `owner-${index}`;
    const key = `${shelf}/${ownerId}.${String(index).padStart(16, "0")}`;
    await metadata.recordIntent({ key, ownerId, leaseUntil: 0 });
    await (await blobs.create(key, 0)).commit();
    keys.push(key);
  }
  return keys;
}

async function start(): Promise<TestServer> {
  server = await startTestServer({ metadata, blobs, clock });
  return server;
}

const sweep = async (running: TestServer) => {
  const before = running.sweeps.length;
  await eventually("the dead are swept", async () => running.sweeps.length > before);
  return running.sweeps[before];
};
const deadKeys = () => metadata.deadSegments({ afterKey: null, limit: 1000 });
const exists = (key: string) =>
  blobs.open(key).then(
    (reader) => reader.close().then(() => true),
    () => false,
  );

describe("sweeping", () => {
  test("removes all others when more files than a batch holds cannot be removed, and those once they can be", async () => {
    const keys = await deadBlobs(430);
    // The first in order: they would fill a batch of their own.
    const stuck = keys.slice(0, 210);
    const stuckCalls = new Set(stuck.map((key) => `unlink blobs/${key}`));
    beforeCall = (call) => {
      if (stuckCalls.has(call)) throw failure("EPERM");
    };
    const running = await start();
    const result = await sweep(running);
    assert.partialDeepStrictEqual(result, { removedCount: 220, failedCount: 210 });
    assert.match(String(result?.failure?.error), /EPERM/);
    assert.deepEqual(await deadKeys(), stuck);
    for (const key of keys) {
      assert.equal(await exists(key), stuck.includes(key));
    }

    beforeCall = () => undefined;
    clock.advance(minute);
    assert.equal((await sweep(running))?.failedCount, 0);
    assert.deepEqual(await deadKeys(), []);
    assert.deepEqual(running.postponed, []);
  });

  test("a folder that cannot be synced keeps its own rows only", async () => {
    const kept = await deadBlobs(3, "00/00");
    await deadBlobs(3, "ff/ff");
    beforeCall = (call) => {
      if (call === "sync blobs/00/00") throw failure("EIO");
    };
    const running = await start();
    assert.equal((await sweep(running))?.removedCount, 3);
    assert.deepEqual(await deadKeys(), kept);
  });

  test("takes as long as it takes, and trusted time is kept meanwhile", async () => {
    const [key] = await deadBlobs(1);
    const gate = Promise.withResolvers<void>();
    beforeCall = (call) => (call === `unlink blobs/${key}` ? gate.promise : undefined);
    const running = await start();
    for (let passed = 1; passed <= 3; passed += 1) {
      clock.advance(minute);
      await eventually(
        "trusted time is kept",
        async () => (await metadata.trustedTime())?.highWater === startTime + passed * minute,
      );
    }
    assert.deepEqual(running.sweeps, []);
    gate.resolve();
    await sweep(running);
    assert.deepEqual(await deadKeys(), []);
  });
});
