import assert from "node:assert/strict";
import { newArchiveId } from "../../../src/domain/new-id.ts";
import { day, hour, keyOf, type Story, start, unchanged } from "./world.ts";

const firstByte = { firstByte: 0, lastByte: 0 };

export function archiveStories(story: Story): void {
  story("an archive and its segment are found as they were added", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault, { sizeBytes: 40_000 * 1024 ** 3 });
    assert.deepEqual(await world.store.findArchive({ vaultId: vault.id, archiveId: archive.id }), archive);
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range: firstByte, limit: 100 }), [segment]);
    const { archiveCount, archiveBytes, revision } = await world.seen(vault);
    assert.deepEqual([archiveCount, archiveBytes, revision], [1, 40_000 * 1024 ** 3, 1]);
  });

  story("an archive is not found in another vault", async (world) => {
    const { archive } = await world.archive(await world.vault());
    const other = await world.vault("other");
    assert.equal(await world.store.findArchive({ vaultId: other.id, archiveId: archive.id }), null);
  });

  story("a segment becomes live once, and a change that fails leaves nothing behind", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    const again = { ...archive, id: newArchiveId() };
    const second = world.store.addArchive({ ...unchanged(archive), archive: again, segment });
    await assert.rejects(second, { name: "InvariantError" });
    assert.equal(await world.store.findArchive({ vaultId: vault.id, archiveId: again.id }), null);
    assert.equal((await world.seen(vault)).revision, 1);
    assert.equal((await world.seen(vault)).archiveCount, 1);
  });

  story("an archive is refused when the sweeper took its segment first", async (world) => {
    const vault = await world.vault();
    const id = newArchiveId();
    const segment = await world.pending(id, {}, start);
    assert.deepEqual(await world.dead(), [segment.key]);
    const { treeHash, sizeBytes } = segment;
    const archive = { id, vaultId: vault.id, description: "", sizeBytes, treeHash, createdAt: start, deletedAt: null };
    await assert.rejects(world.store.addArchive({ ...unchanged(archive), archive, segment }), {
      name: "InvariantError",
    });
    assert.equal((await world.seen(vault)).archiveCount, 0);
  });

  story("one segment that two archives race for goes to one of them", async (world) => {
    const vault = await world.vault();
    const id = newArchiveId();
    const segment = await world.pending(id);
    const { treeHash, sizeBytes } = segment;
    const archive = { id, vaultId: vault.id, description: "", sizeBytes, treeHash, createdAt: start, deletedAt: null };
    const races = Array.from({ length: 8 }, () => world.store.addArchive({ ...unchanged(archive), archive, segment }));
    const outcomes = await Promise.allSettled(races);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await world.seen(vault)).archiveCount, 1);
  });

  story("a request that is sent again gets the archive it made, and its second segment is dead", async (world) => {
    const vault = await world.vault();
    const other = await world.vault("other");
    const request = { key: "the same", madeSince: start };
    const { archive } = await world.archive(vault, { request });
    const repeated = await world.archive(vault, { request, createdAt: start + hour });
    assert.deepEqual(repeated.archive, archive);
    assert.deepEqual(await world.dead(), [repeated.segment.key]);
    assert.equal((await world.seen(vault)).revision, 1);
    const { id } = archive;
    assert.notEqual((await world.archive(vault, { request: { ...request, key: "another" } })).archive.id, id);
    assert.notEqual((await world.archive(other, { request })).archive.id, id);
  });

  story("a request is forgotten after its time, and when its archive is deleted", async (world) => {
    const vault = await world.vault();
    const key = "the same";
    const first = await world.archive(vault, { request: { key, madeSince: start } });
    const late = await world.archive(vault, { request: { key, madeSince: start + 1 }, createdAt: start + day });
    assert.notEqual(late.archive.id, first.archive.id);
    await world.removeArchive(vault, late.archive.id);
    const request = { key, madeSince: start };
    const third = await world.archive(vault, { request, createdAt: start + day });
    assert.notEqual(third.archive.id, late.archive.id);
    assert.equal(await world.store.forgetRequests({ madeBefore: start + day, limit: 9 }), 0);
    assert.equal((await world.archive(vault, { request })).archive.id, third.archive.id);
    assert.equal(await world.store.forgetRequests({ madeBefore: start + day + 1, limit: 9 }), 1);
    assert.notEqual((await world.archive(vault, { request })).archive.id, third.archive.id);
  });

  story("a deleted archive is remembered, and deleting it again changes nothing", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    await world.removeArchive(vault, archive.id, start + hour);
    await world.removeArchive(vault, archive.id, start + 2 * hour);
    const seen = await world.store.findArchive({ vaultId: vault.id, archiveId: archive.id });
    assert.deepEqual(seen, { ...archive, deletedAt: start + hour });
    const { archiveCount, archiveBytes, revision } = await world.seen(vault);
    assert.deepEqual([archiveCount, archiveBytes, revision], [0, 0, 2]);
  });

  story("deletions that race delete once", async (world) => {
    const vault = await world.vault();
    await world.archive(vault);
    const { archive } = await world.archive(vault);
    await Promise.all(Array.from({ length: 8 }, () => world.removeArchive(vault, archive.id)));
    const { archiveCount, archiveBytes, revision } = await world.seen(vault);
    assert.deepEqual([archiveCount, archiveBytes, revision], [1, 10, 3]);
  });

  story("an id that was never issued is not found", async (world) => {
    const vault = await world.vault();
    await assert.rejects(world.removeArchive(vault, "-never"), {
      code: "ResourceNotFoundException",
      message: "The archive ID was not found: -never",
    });
    const upload = await world.upload(vault);
    await world.part(upload, 0);
    await assert.rejects(world.removeArchive(vault, upload.archiveId), { code: "ResourceNotFoundException" });
  });

  story("another vault's archive is refused by the name of the vault that was asked", async (world) => {
    const vault = await world.vault();
    const other = await world.vault("other");
    const { archive } = await world.archive(vault);
    await assert.rejects(world.removeArchive(other, archive.id), {
      code: "InvalidParameterValueException",
      message: "Invalid vault name: arn:aws:glacier:us-east-1:123456789012:vaults/other",
    });
    assert.equal((await world.seen(vault)).archiveCount, 1);
    assert.equal((await world.seen(keyOf("other"))).revision, 0);
  });

  story("segments of a deleted archive are read until they are condemned, after their grace", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    await world.removeArchive(vault, archive.id, start + hour);
    assert.deepEqual(await store.segmentsOf({ archiveId: archive.id, range: firstByte, limit: 100 }), [segment]);
    const at = { now: start, completedSince: start - day, limit: 10 };
    assert.equal(await store.markDead({ ...at, deletedBefore: start + hour }), 0);
    assert.equal(await store.markDead({ ...at, deletedBefore: start + hour + 1 }), 1);
    assert.deepEqual(await store.deadSegments({ afterKey: null, limit: 10 }), [segment.key]);
    assert.deepEqual(await store.segmentsOf({ archiveId: archive.id, range: firstByte, limit: 100 }), []);
  });

  story("a range finds the segments that hold bytes of it, in order", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const upload = await world.upload(vault, { partSizeBytes: 100 });
    const sizes = [100, 100, 100, 40];
    for (const number of [2, 0, 3, 1]) {
      await world.part(upload, number, { sizeBytes: sizes[number] ?? 0 });
    }
    const found = async (first: number, last: number) => {
      const range = { firstByte: first, lastByte: last };
      const segments = await store.segmentsOf({ archiveId: upload.archiveId, range, limit: 100 });
      return segments.map((segment) => segment.firstByte);
    };
    assert.deepEqual(await found(0, 339), [0, 100, 200, 300]);
    assert.deepEqual(await found(99, 100), [0, 100]);
    assert.deepEqual(await found(100, 199), [100]);
    assert.deepEqual(await found(150, 200), [100, 200]);
    assert.deepEqual(await found(339, 339), [300]);
    assert.deepEqual(await found(340, 400), []);
  });
}
