import assert from "node:assert/strict";
import type { TreeHash } from "@moraine/protocol";
import { manifestPlace, type Segment } from "../../../src/domain/segment.ts";
import type { MultipartUpload } from "../../../src/domain/vaults/multipart-upload.ts";
import { completeUpload } from "../../../src/operations/complete-upload.ts";
import { archiveSegments } from "../../../src/segments/archive-segments.ts";
import {
  byName,
  day,
  everyPage,
  hour,
  joinedHash,
  mebibyte,
  type Story,
  someHash,
  start,
  unchanged,
  uploadGone,
  type World,
} from "./world.ts";

const invalid = (message: string) => ({ name: "GlacierError", code: "InvalidParameterValueException", message });

export function uploadStories(story: Story): void {
  story("an open upload is found in its own vault, until it has been idle for too long", async (world) => {
    const { store } = world;
    const upload = await world.upload(await world.vault());
    const at = { ...unchanged(upload), uploadId: upload.id };
    assert.deepEqual(await store.findUpload({ ...at, idleSince: start }), upload);
    assert.equal(await store.findUpload({ ...at, idleSince: start + 1 }), null);
    assert.equal(await store.findUpload({ ...at, vaultId: "other", idleSince: start }), null);
  });

  story("a part keeps its upload alive", async (world) => {
    const upload = await world.upload(await world.vault());
    await world.part(upload, 0, { now: start + 20 * hour });
    const at = { ...unchanged(upload), uploadId: upload.id };
    assert.deepEqual(await world.store.findUpload({ ...at, idleSince: start + 20 * hour }), upload);
  });

  story("open uploads are listed by time and id, without gaps, ended and idle ones left out", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    await world.upload(await world.vault("other"));
    const idle = await world.upload(vault, { createdAt: start - 1 });
    const aborted = await world.upload(vault);
    await store.abortUpload({
      ...unchanged({ vaultId: vault.id }),
      uploadId: aborted.id,
      idleSince: start,
      now: start,
    });
    const open: MultipartUpload[] = [];
    for (let index = 0; index < 7; index += 1) {
      open.push(await world.upload(vault, { createdAt: start + Math.floor(index / 3) }));
    }
    open.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const page = { vaultId: vault.id, idleSince: start, limit: 2 };
    const listed = await everyPage((after: MultipartUpload | null) => store.listUploads({ ...page, after }));
    assert.deepEqual(listed, open);
    const all = await store.listUploads({ vaultId: vault.id, idleSince: start - 1, after: null, limit: 100 });
    assert.deepEqual(all[0], idle);
  });

  story("parts are listed by their first byte; the last one to come takes the place", async (world) => {
    const { store } = world;
    const upload = await world.upload(await world.vault());
    const late = await world.part(upload, 4);
    const first = await world.part(upload, 0);
    const replaced = await world.part(upload, 2);
    const second = await world.part(upload, 2, { sizeBytes: 5 });
    const list = (afterByte: number | null, limit = 50) => store.listParts({ uploadId: upload.id, afterByte, limit });
    assert.deepEqual(await list(null), [first, second, late]);
    assert.deepEqual(await list(null, 1), [first]);
    assert.deepEqual(await list(0), [second, late]);
    assert.deepEqual(await list(3 * mebibyte), [late]);
    assert.deepEqual(await world.dead(), [replaced.key]);
  });

  story("parts that race for one place leave one of them", async (world) => {
    const upload = await world.upload(await world.vault());
    const parts = await Promise.all(Array.from({ length: 8 }, () => world.part(upload, 3)));
    const kept = await world.store.listParts({ uploadId: upload.id, afterByte: null, limit: 50 });
    assert.equal(kept.length, 1);
    const losers = parts.filter(({ key }) => key !== kept[0]?.key).map(({ key }) => key);
    assert.deepEqual(await world.dead(), losers.sort(byName));
  });

  story("a part whose segment was swept leaves the earlier part and the idle clock alone", async (world) => {
    const upload = await world.upload(await world.vault());
    const part = await world.part(upload, 0);
    const swept = await world.pending(upload.archiveId);
    await world.store.abandonSegment(swept);
    const at = { ...unchanged(upload), uploadId: upload.id, segment: swept, idleSince: start, now: start + hour };
    await assert.rejects(world.store.addPart(at), { name: "InvariantError" });
    assert.deepEqual(await world.store.listParts({ uploadId: upload.id, afterByte: null, limit: 9 }), [part]);
    const where = { ...unchanged(upload), uploadId: upload.id };
    assert.equal(await world.store.findUpload({ ...where, idleSince: start + 1 }), null);
  });

  story("completing makes one archive of the parts, in order", async (world) => {
    const { upload, parts, complete } = await uploadOfThree(world);
    const archive = await complete(start + hour);
    assert.deepEqual(archive, {
      id: upload.archiveId,
      vaultId: upload.vaultId,
      description: upload.description,
      sizeBytes: 2 * mebibyte + 7,
      treeHash: joinedHash(parts),
      createdAt: start + hour,
      deletedAt: null,
    });
    const at = { vaultId: upload.vaultId, archiveId: upload.archiveId };
    assert.deepEqual(await world.store.findArchive(at), archive);
    const range = { firstByte: 0, lastByte: archive.sizeBytes - 1 };
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), parts);
    const vault = await world.store.findVaultById(upload.vaultId);
    assert.deepEqual([vault?.archiveCount, vault?.archiveBytes, vault?.revision], [1, archive.sizeBytes, 1]);
  });

  story("what a client claims wrongly is refused, and the upload stays open", async (world) => {
    const { upload, claim, completeAs, complete } = await uploadOfThree(world);
    const sizeBytes = claim.sizeBytes + 1;
    await assert.rejects(completeAs({ ...claim, sizeBytes }), invalid(`Invalid x-amz-archive-size: ${sizeBytes}`));
    const treeHash = someHash().toUpperCase();
    await assert.rejects(completeAs({ ...claim, treeHash }), invalid(`Invalid x-amz-sha256-tree-hash: ${treeHash}`));
    assert.equal((await world.store.findVaultById(upload.vaultId))?.revision, 0);
    assert.equal((await complete(start)).id, upload.archiveId);
  });

  story("an upload with a gap, or without parts, is not completed", async (world) => {
    const upload = await world.upload(await world.vault());
    const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start, now: start };
    const claim = { sizeBytes: 1, treeHash: someHash() };
    await assert.rejects(world.complete({ ...at, claim }), { code: "InvalidParameterValueException" });
    await world.part(upload, 1);
    await assert.rejects(world.complete({ ...at, claim }), { code: "InvalidParameterValueException" });
  });

  story("completing again gives the same archive for a day, if the claim is the same", async (world) => {
    const { upload, claim, complete, completeAs } = await uploadOfThree(world);
    const archive = await complete(start);
    assert.deepEqual(await complete(start + day), archive);
    const capitals = { ...claim, treeHash: claim.treeHash.toUpperCase() };
    assert.deepEqual(await completeAs(capitals), archive);
    await assert.rejects(completeAs({ ...claim, sizeBytes: 1 }), invalid("Invalid x-amz-archive-size: 1"));
    const treeHash = someHash();
    await assert.rejects(completeAs({ ...claim, treeHash }), invalid(`Invalid x-amz-sha256-tree-hash: ${treeHash}`));
    await assert.rejects(complete(start + day + 1), uploadGone(upload.id));
  });

  story("a part that is stored while the parts are read is in the archive", async (world) => {
    const { upload, parts } = await uploadOfThree(world);
    const [first, , last] = parts as [Segment, Segment, Segment];
    let replacement: Segment | undefined;
    const listParts: typeof world.store.listParts = async (page) => {
      const listed = await world.store.listParts(page);
      replacement ??= await world.part(upload, 1);
      return listed;
    };
    const claim = {
      sizeBytes: 2 * mebibyte + 7,
      // As a client would claim it that knows what it has sent.
      get treeHash() {
        return joinedHash([first, replacement ?? first, last]);
      },
    };
    const at = { ...unchanged(upload), uploadId: upload.id, claim, idleSince: start, now: start };
    const archive = await completeUpload({ ...world.store, listParts }, at, world.storeManifest);
    assert.equal(archive.treeHash, joinedHash([first, replacement as Segment, last]));
  });

  story("an archive is not made of parts that are no longer the upload's", async (world) => {
    const { upload, claim } = await uploadOfThree(world);
    const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start, now: start };
    const found = await world.store.findUploadRevision(at);
    assert.deepEqual(found?.upload, upload);
    const manifest = await world.pending(upload.archiveId, { firstByte: manifestPlace });
    const partsRevision = found?.partsRevision ?? -1;
    const assembled = { ...claim, treeHash: claim.treeHash as TreeHash, partsRevision, manifest };
    await world.part(upload, 1);
    assert.equal(await world.store.completeUpload({ ...at, claim, assembled }), null);
    assert.equal((await world.store.findVaultById(upload.vaultId))?.archiveCount, 0);
    assert.deepEqual(await world.store.deadSegments({ afterKey: null, limit: 9 }), [manifest.key]);
  });

  story("a completed upload is gone for everything else", async (world) => {
    const { store } = world;
    const { upload, complete } = await uploadOfThree(world);
    await complete(start);
    const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start };
    assert.equal(await store.findUpload(at), null);
    assert.deepEqual(await store.listUploads({ ...at, after: null, limit: 9 }), []);
    await assert.rejects(store.abortUpload({ ...at, now: start }), uploadGone(upload.id));
    await assert.rejects(world.part(upload, 0), uploadGone(upload.id));
  });

  story("completions that race make one archive, and all return it", async (world) => {
    const { upload, complete } = await uploadOfThree(world);
    const archives = await Promise.all(Array.from({ length: 8 }, (_, index) => complete(start + index)));
    assert.equal(new Set(archives.map((archive) => JSON.stringify(archive))).size, 1);
    assert.equal((await world.store.findVaultById(upload.vaultId))?.archiveCount, 1);
    const [first, ...others] = world.manifests;
    assert.ok(first !== undefined && others.length > 0, "several read the parts before one of them made the archive");
    const dead = await world.store.deadSegments({ afterKey: null, limit: 9 });
    assert.equal(dead.length, others.length, "one manifest lasts");
    assert.ok(dead.every((key) => world.manifests.includes(key)));
  });

  story("an archive's manifest is none of its bytes, and goes with it", async (world) => {
    const { upload, parts, complete } = await uploadOfThree(world);
    const archive = await complete(start);
    await complete(start + hour);
    assert.equal(world.manifests.length, 1, "an archive that exists needs no other");
    assert.deepEqual(await world.dead(), []);
    for (const lastByte of [0, archive.sizeBytes - 1]) {
      const range = { firstByte: 0, lastByte };
      const held = await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 });
      assert.deepEqual(held, lastByte === 0 ? parts.slice(0, 1) : parts);
    }
    await world.store.removeArchive({ ...unchanged(upload), archiveId: archive.id, now: start });
    assert.deepEqual(await world.dead(), [...parts.map(({ key }) => key), ...world.manifests].sort(byName));
  });

  story("an abort and a completion that race: one succeeds and the other fails", async (world) => {
    for (const abortFirst of [true, false]) {
      const { upload, complete } = await uploadOfThree(world);
      const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start, now: start };
      const racers = [() => world.store.abortUpload(at), () => complete(start)];
      const outcomes = await Promise.allSettled((abortFirst ? racers : racers.toReversed()).map((race) => race()));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      const archive = await world.store.findArchive({ vaultId: upload.vaultId, archiveId: upload.archiveId });
      const completed = outcomes[abortFirst ? 1 : 0]?.status === "fulfilled";
      assert.equal(archive !== null, completed);
      const dead = (await world.dead()).filter((key) => !world.manifests.includes(key));
      assert.equal(dead.length, completed ? 0 : 3);
      await world.store.forgetSegments(await world.dead());
    }
  });

  story("aborting lets the parts go, and may be repeated for a day", async (world) => {
    const { store } = world;
    const { upload, parts, complete } = await uploadOfThree(world);
    const at = { ...unchanged(upload), uploadId: upload.id };
    await assert.rejects(store.abortUpload({ ...at, vaultId: "other", idleSince: start, now: start }));
    await store.abortUpload({ ...at, idleSince: start - day, now: start });
    await store.abortUpload({ ...at, idleSince: start, now: start + day });
    const late = store.abortUpload({ ...at, idleSince: start + 1, now: start + day + 1 });
    await assert.rejects(late, uploadGone(upload.id));
    await assert.rejects(complete(start), uploadGone(upload.id));
    assert.deepEqual(await world.dead(), parts.map(({ key }) => key).sort(byName));
    assert.deepEqual(await store.listParts({ uploadId: upload.id, afterByte: null, limit: 9 }), []);
  });

  story("an idle upload is gone for everyone before it is swept", async (world) => {
    const { upload, complete } = await uploadOfThree(world);
    const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start + 1, now: start + day + 1 };
    await assert.rejects(world.store.abortUpload(at), uploadGone(upload.id));
    await assert.rejects(complete(start + day + 1), uploadGone(upload.id));
    await assert.rejects(world.part(upload, 0, { now: start + day + 1 }), uploadGone(upload.id));
  });

  story("idle uploads end no more at a time than asked, and let their parts go", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const keys: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      keys.push((await world.part(await world.upload(vault), 0)).key);
    }
    const active = await world.upload(vault, { createdAt: start + hour });
    await world.part(active, 0, { now: start + hour });
    const at = { idleSince: start + 1, now: start + day + 1, limit: 2 };
    assert.equal(await store.expireUploads(at), 2);
    assert.equal(await store.expireUploads(at), 1);
    assert.equal(await store.expireUploads(at), 0);
    assert.deepEqual(await world.dead(), keys.sort(byName));
    const found = await store.findUpload({ vaultId: vault.id, uploadId: active.id, idleSince: start });
    assert.deepEqual(found, active);
  });

  story("expiring forgets uploads that ended long ago, never their archives", async (world) => {
    const { upload, complete } = await uploadOfThree(world);
    await complete(start);
    assert.equal(await world.store.forgetUploads({ endedBefore: start, limit: 9 }), 0);
    assert.equal((await complete(start)).id, upload.archiveId);
    assert.equal(await world.store.forgetUploads({ endedBefore: start + 1, limit: 9 }), 1);
    await assert.rejects(complete(start), uploadGone(upload.id));
    const at = { vaultId: upload.vaultId, archiveId: upload.archiveId };
    assert.notEqual(await world.store.findArchive(at), null);
    assert.deepEqual(await world.dead(), []);
  });

  story("an archive of 10,000 parts is made in one step", async (world) => {
    const { store } = world;
    const upload = await world.upload(await world.vault(), { partSizeBytes: mebibyte });
    const numbers = Array.from({ length: 10_000 }, (_, index) => index);
    const parts: Segment[] = [];
    for (let from = 0; from < numbers.length; from += 500) {
      parts.push(...(await Promise.all(numbers.slice(from, from + 500).map((number) => world.part(upload, number)))));
    }
    const sizeBytes = 10_000 * mebibyte;
    const claim = { sizeBytes, treeHash: joinedHash(parts) };
    const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start, now: start };
    const archive = await world.complete({ ...at, claim });
    const range = { firstByte: 0, lastByte: sizeBytes - 1 };
    const listed: string[] = [];
    for await (const page of archiveSegments(store, { archiveId: archive.id, range })) {
      listed.push(...page.map(({ key }) => key));
    }
    assert.deepEqual(
      listed,
      parts.map(({ key }) => key),
    );
  });

  story("the segments of a range come in pages, and the next page begins where the last one ends", async (world) => {
    const { store } = world;
    const { upload, parts, complete } = await uploadOfThree(world);
    const { id: archiveId, sizeBytes } = await complete(start);
    const page = (firstByte: number, limit: number, lastByte = sizeBytes - 1) =>
      store.segmentsOf({ archiveId, range: { firstByte, lastByte }, limit });
    assert.equal(archiveId, upload.archiveId);
    assert.deepEqual(await page(0, 2), parts.slice(0, 2));
    assert.deepEqual(await page(2 * mebibyte, 2), parts.slice(2));
    assert.deepEqual(await page(mebibyte - 1, 1), parts.slice(0, 1));
    assert.deepEqual(await page(0, 9, mebibyte), parts.slice(0, 2));
    assert.deepEqual(await page(sizeBytes, 9), []);
  });
}

/** An open upload of two whole parts and a short one, sent out of order. */
async function uploadOfThree(world: World) {
  const upload = await world.upload(await world.vault());
  const last = await world.part(upload, 2, { sizeBytes: 7 });
  const parts = [await world.part(upload, 0), await world.part(upload, 1), last];
  const claim = { sizeBytes: 2 * mebibyte + 7, treeHash: joinedHash(parts) as string };
  const completeAs = (claimed: typeof claim, now = start) =>
    world.complete({
      ...unchanged(upload),
      uploadId: upload.id,
      claim: claimed,
      idleSince: now - day,
      now,
    });
  return { upload, parts, claim, completeAs, complete: (now: number) => completeAs(claim, now) };
}
