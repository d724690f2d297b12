import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { UploadId } from "@moraine/protocol";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { Segment } from "../../src/domain/segment.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { Vault } from "../../src/domain/vaults/vault.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { newFolder, watchedDisk } from "../storage/watched-disk.ts";
import { flipBit } from "../support/flip-bit.ts";
import {
  completeRequest,
  eventually,
  initiateJob,
  initiateUpload,
  partRequest,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { lateShelfSeed, scrubOf, storeArchive, vaultOf } from "../support/scrubbed-store.ts";
import { dayMilliseconds, hourMilliseconds, startTestServer, startTime } from "../support/server.ts";

const mebibyte = 1024 ** 2;
const running = new AbortController().signal;

let folder: string;
let disk: ReturnType<typeof watchedDisk>;
let blobs: FilesystemBlobStore;
let metadata: MetadataStore;
let vault: Vault;
let clock: ManualClock;
/** Called before each call of the disk: what it throws is the call's failure. */
let beforeCall: (call: string) => void;
beforeEach(async () => {
  beforeCall = () => undefined;
  folder = await newFolder();
  disk = watchedDisk(folder, (call) => beforeCall(call));
  blobs = new FilesystemBlobStore(folder, disk.disk, lateShelfSeed);
  await blobs.prepare();
  metadata = await openInlineStore(":memory:");
  clock = new ManualClock(startTime);
  vault = await vaultOf(metadata, startTime);
});
afterEach(() => metadata.close());

const store = (sizeBytes = 1000) => storeArchive({ metadata, blobs, vault }, randomBytes(sizeBytes), clock.now());
const startScrub = () => scrubOf({ metadata, blobs, clock });
const fileOf = ({ key }: Segment) => join(folder, "blobs", key);
const damaged = async () => {
  const rows = await metadata.listDamage({ after: null, limit: 100 });
  return rows.map(({ segmentKey, range }) => [segmentKey, range.firstByte, range.lastByte]);
};
const openedKeys = () =>
  [...new Set(disk.calls.filter((call) => call.startsWith("open blobs/")))].map((call) =>
    call.slice("open blobs/".length),
  );

describe("reading back what is new", () => {
  test("each new segment is read once, within hours, and a damaged MiB of it is recorded as its own place", async () => {
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const [sound, broken] = [await store(), await store(3 * mebibyte + 5)];
    await flipBit(fileOf(broken), mebibyte + 7);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual(seen.outcomes, ["sound", "damaged"]);
    assert.deepEqual(await damaged(), [[broken.key, mebibyte, 2 * mebibyte - 1]]);
    assert.equal((await metadata.findSegment(sound.key))?.key, sound.key);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.equal(seen.outcomes.length, 2);
  });

  test("a segment that was read wrong reads right when its file is mended, and is forgotten as damage", async () => {
    const { scrub } = startScrub();
    await scrub.round(running);
    const segment = await store();
    await flipBit(fileOf(segment), 3);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.equal((await damaged()).length, 1);
    await flipBit(fileOf(segment), 3);
    clock.advance(25 * dayMilliseconds);
    await scrub.round(running);
    assert.deepEqual(await damaged(), []);
    assert.deepEqual(await metadata.countDamage(), { archives: 0, inventories: 0, segments: 0 });
  });

  test("a medium that fails once is not called damaged", async () => {
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const segment = await store(mebibyte);
    let failures = 2;
    beforeCall = (call) => {
      if (call === `read blobs/${segment.key}` && failures > 0) {
        failures -= 1;
        throw Object.assign(new Error("EIO: on purpose"), { code: "EIO" });
      }
    };
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.equal(failures, 0);
    assert.deepEqual(seen.outcomes, ["sound"]);
    assert.deepEqual(await damaged(), []);
  });

  test("a file that cannot be opened now holds up no other, and is tried again in the next round", async () => {
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const [first, second] = [await store(), await store()];
    beforeCall = (call) => {
      if (call === `open blobs/${first.key}`) {
        throw Object.assign(new Error("EMFILE: on purpose"), { code: "EMFILE" });
      }
    };
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual(seen.outcomes, ["unread", "sound"]);
    assert.match(String(seen.postponed[0]), /EMFILE/);
    beforeCall = () => undefined;
    disk.calls.length = 0;
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual(seen.outcomes, ["unread", "sound", "sound"]);
    assert.deepEqual(openedKeys(), [first.key]);
    assert.notEqual(first.key, second.key);
    assert.deepEqual(await damaged(), []);
  });

  test("a missing file is damage of the entire segment; that of an archive deleted meanwhile is none", async () => {
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const [missing, deleted] = [await store(), await store()];
    await unlink(fileOf(missing));
    await unlink(fileOf(deleted));
    const at = { vaultId: vault.id, vault, accessVersion: 0, archiveId: deleted.ownerId, now: clock.now() };
    await metadata.removeArchive(at);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual(await damaged(), [[missing.key, 0, 999]]);
    assert.deepEqual([seen.outcomes, seen.damagedParts], [["damaged"], []]);
  });
});

describe("reading back the whole store", () => {
  test("a restart in the middle resumes after the last segment that was read, and reads none twice", async () => {
    const count = 100;
    for (let index = 0; index < count; index += 1) {
      await store();
    }
    await startScrub().scrub.round(running);
    clock.advance(4 * hourMilliseconds);
    await startScrub().scrub.round(running);
    clock.advance(30 * dayMilliseconds);
    disk.calls.length = 0;
    let reads = 0;
    const stopping = new AbortController();
    beforeCall = (call) => {
      reads += call.startsWith("stat blobs/") ? 1 : 0;
      if (reads === count / 2) {
        stopping.abort();
      }
    };
    await startScrub().scrub.round(stopping.signal);
    beforeCall = () => undefined;
    const before = openedKeys();
    assert.equal(before.length, count / 2);
    disk.calls.length = 0;
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const after = openedKeys();
    // The one that was being read when it stopped is read again.
    assert.equal(before.length + after.length, count + 1);
    assert.equal(new Set([...before, ...after]).size, count);
    assert.equal(seen.progress?.dueRanges, 0);
  });

  test("an upgraded store is read evenly over the first period", async () => {
    const { scrub, seen } = startScrub();
    await scrub.round(running);
    const dueDays: number[] = [];
    for (let passed = 0; passed < 26; passed += 1) {
      const before = seen.progress;
      clock.advance(dayMilliseconds);
      const next = await scrub.round(running);
      assert.ok(next > clock.now());
      assert.ok(seen.progress !== before && seen.progress?.dueRanges === 0);
      dueDays.push(seen.progress.oldestMilliseconds / dayMilliseconds);
    }
    assert.ok(Math.max(...dueDays) <= 25, `${Math.max(...dueDays)} days`);
  });

  test("times that a wrong clock left in the future are not believed", async () => {
    const segment = await store();
    const { scrub } = startScrub();
    await scrub.round(running);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    clock.advance(1000 * dayMilliseconds);
    await scrub.round(running);
    await flipBit(fileOf(segment), 3);
    const corrected = new ManualClock(startTime + dayMilliseconds);
    await scrubOf({ metadata, blobs, clock: corrected }).scrub.round(running);
    assert.deepEqual(await damaged(), [[segment.key, 0, 999]]);
  });
});

describe("the scrub of a server", () => {
  test("a damaged part is reported in each round until the upload completes, and then as damage of the archive", async () => {
    const server = await startTestServer({ metadata, blobs, clock });
    try {
      const archive = randomBytes(2 * mebibyte);
      const uploadId = await initiateUpload(server, "vault", mebibyte);
      for (const start of [0, mebibyte]) {
        const part = archive.subarray(start, start + mebibyte);
        assert.equal((await server.client.send(partRequest("vault", uploadId, start, part))).status, 204);
      }
      const [, second] = await metadata.listParts({ uploadId: uploadId as UploadId, afterByte: null, limit: 9 });
      assert.ok(second !== undefined);
      await flipBit(fileOf(second), 5);
      for (const rounds of [1, 2]) {
        clock.advance(4 * hourMilliseconds);
        await eventually("the part is reported", async () => server.damagedParts.length === rounds);
      }
      assert.equal(server.damagedParts[1]?.key, second.key);
      assert.deepEqual(await damaged(), []);
      const completed = await server.client.send(completeRequest("vault", uploadId, archive));
      assert.equal(completed.status, 201, completed.text);
      clock.advance(4 * hourMilliseconds);
      await eventually("the archive is reported", async () => server.damaged.length === 1);
      assert.deepEqual(await damaged(), [[second.key, mebibyte, 2 * mebibyte - 1]]);
      const archiveId = String(completed.headers["x-amz-archive-id"]);
      const jobId = await initiateJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
      await waitForJob(server, "vault", jobId, "Failed");
      assert.deepEqual(server.postponed, []);
    } finally {
      await server.stop();
    }
  });
});
