import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { Segment } from "../../src/domain/segment.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { Vault } from "../../src/domain/vaults/vault.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { MirroredBlobStore } from "../../src/storage/blobs/mirrored.ts";
import { newFolder } from "../storage/watched-disk.ts";
import { filesOf } from "../support/damaged-files.ts";
import { flipBit } from "../support/flip-bit.ts";
import { assertSameBytes, eventually, finishedJob, getOutput, uploadArchive } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { lateShelfSeed, scrubOf, storeArchive, vaultOf } from "../support/scrubbed-store.ts";
import { dayMilliseconds, hourMilliseconds, startTestServer, startTime } from "../support/server.ts";

const mebibyte = 1024 ** 2;
const running = new AbortController().signal;

let folders: { readonly data: string; readonly mirror: string };
let data: FilesystemBlobStore;
let blobs: MirroredBlobStore;
let metadata: MetadataStore;
let vault: Vault;
let clock: ManualClock;
/** Segments whose second copy was returned to a reader. */
let fromMirror: string[];
beforeEach(async () => {
  folders = { data: await newFolder(), mirror: await newFolder() };
  data = new FilesystemBlobStore(folders.data, undefined, lateShelfSeed);
  fromMirror = [];
  blobs = new MirroredBlobStore({ data, mirror: new FilesystemBlobStore(folders.mirror) }, (key) =>
    fromMirror.push(key),
  );
  await blobs.prepare();
  metadata = await openInlineStore(":memory:");
  clock = new ManualClock(startTime);
  vault = await vaultOf(metadata, startTime);
});
afterEach(() => metadata.close());

const fileIn = (copy: "data" | "mirror", { key }: Segment) => join(folders[copy], "blobs", key);
const damaged = async () => (await metadata.listDamage({ after: null, limit: 9 })).map((row) => row.segmentKey);
const quarantined = (copy: "data" | "mirror") => readdir(join(folders[copy], "quarantine")).catch(() => []);
const store = (into: FilesystemBlobStore | MirroredBlobStore = blobs) =>
  storeArchive({ metadata, blobs: into, vault }, randomBytes(2 * mebibyte + 5), clock.now());

describe("a scrub with a mirror", () => {
  test("replaces the damaged or missing copy by the sound one, on either disk, and keeps damaged files", async () => {
    const { scrub, seen } = scrubOf({ metadata, blobs, clock });
    await scrub.round(running);
    const [flipped, missing, flippedMirror, old, sound] = [
      await store(),
      await store(),
      await store(),
      await store(data),
      await store(),
    ];
    await flipBit(fileIn("data", flipped), mebibyte + 3);
    await unlink(fileIn("data", missing));
    await flipBit(fileIn("mirror", flippedMirror), 2 * mebibyte + 20);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual(seen.repaired, [
      `data ${flipped.key}`,
      `data ${missing.key}`,
      `mirror ${flippedMirror.key}`,
      `mirror ${old.key}`,
    ]);
    assert.deepEqual(seen.outcomes, Array(5).fill("sound"));
    assert.deepEqual([(await quarantined("data")).length, (await quarantined("mirror")).length], [1, 1]);
    assert.deepEqual(await damaged(), []);
    clock.advance(25 * dayMilliseconds);
    await scrub.round(running);
    assert.equal(seen.repaired.length, 4);
    assert.equal(seen.outcomes.length, 10);
    assert.ok((await metadata.findSegment(sound.key)) !== null);
  });

  test("records damage of both copies, and forgets it once one of them is mended", async () => {
    const { scrub, seen } = scrubOf({ metadata, blobs, clock });
    await scrub.round(running);
    const segment = await store();
    await flipBit(fileIn("data", segment), 3);
    await flipBit(fileIn("mirror", segment), mebibyte);
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual([seen.repaired, await damaged()], [[], [segment.key]]);
    assert.deepEqual([await quarantined("data"), await quarantined("mirror")], [[], []]);
    await flipBit(fileIn("mirror", segment), mebibyte);
    clock.advance(25 * dayMilliseconds);
    await scrub.round(running);
    assert.deepEqual([seen.repaired, await damaged()], [[`data ${segment.key}`], []]);
  });

  test("does not bring back what was deleted while it was copied", async () => {
    const { scrub, seen } = scrubOf({ metadata, blobs, clock });
    await scrub.round(running);
    const segment = await store(data);
    const { copies } = blobs;
    const { stores } = copies;
    const openUncached = stores.mirror.openUncached.bind(stores.mirror);
    stores.mirror.openUncached = async (key, scratch) => {
      const at = { vaultId: vault.id, vault, accessVersion: 0, archiveId: segment.ownerId, now: clock.now() };
      await metadata.removeArchive(at);
      return openUncached(key, scratch);
    };
    clock.advance(4 * hourMilliseconds);
    await scrub.round(running);
    assert.deepEqual([seen.repaired, await damaged()], [[], []]);
    await assert.rejects(stores.mirror.open(segment.key), { name: "BlobMissingError" });
  });
});

describe("reads with a mirror", () => {
  const damages: Readonly<Record<string, (file: string) => Promise<void>>> = {
    "one bit of a MiB is flipped": (file) => flipBit(file, mebibyte + 9),
    "one bit of the footer is flipped": (file) => flipBit(file, 3 * mebibyte + 120),
    "the file is missing": unlink,
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`are right when ${what}, and the file is repaired within a minute`, async () => {
      const server = await startTestServer({ metadata, blobs, clock });
      try {
        const bytes = randomBytes(3 * mebibyte + 100);
        const archiveId = await uploadArchive(server, "vault", bytes);
        const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId };
        const jobId = await finishedJob(server, "vault", retrieval);
        const [file = ""] = await filesOf(server, folders.data, archiveId);
        // A reader may have the file open.
        assertSameBytes((await getOutput(server, "vault", jobId)).body, bytes);
        await damage(file);
        server.parts.segments.forget(file.slice(join(folders.data, "blobs/").length));
        assertSameBytes((await getOutput(server, "vault", jobId)).body, bytes);
        assertSameBytes((await getOutput(server, "vault", await finishedJob(server, "vault", retrieval))).body, bytes);
        assert.equal(fromMirror.length, 1);
        assert.deepEqual([server.damaged, await damaged()], [[], []]);
        clock.advance(60_000);
        await eventually("the file is repaired", async () => server.repaired.length === 1);
        fromMirror.length = 0;
        assertSameBytes((await getOutput(server, "vault", jobId)).body, bytes);
        assert.deepEqual([fromMirror, server.postponed], [[], []]);
      } finally {
        await server.stop();
      }
    });
  }

  test("are refused when both copies are damaged", async () => {
    const server = await startTestServer({ metadata, blobs, clock });
    try {
      const archiveId = await uploadArchive(server, "vault", randomBytes(mebibyte));
      const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
      for (const folder of Object.values(folders)) {
        const [file = ""] = await filesOf(server, folder, archiveId);
        await flipBit(file, 77);
      }
      assert.equal((await getOutput(server, "vault", jobId).catch(() => ({ status: 0 }))).status === 200, false);
      assert.equal(server.damaged.length, 1);
    } finally {
      await server.stop();
    }
  });
});
