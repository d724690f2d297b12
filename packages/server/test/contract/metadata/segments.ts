import assert from "node:assert/strict";
import { byName, day, doomsday, hour, type Story, start, unchanged } from "./world.ts";

const range = { firstByte: 0, lastByte: 0 };

export function segmentStories(story: Story): void {
  story("a pending segment is condemned once its lease has passed, not before", async ({ store }) => {
    await store.recordIntent({ key: "a", ownerId: "owner", leaseUntil: start + hour });
    const at = { deletedBefore: start, completedSince: start, limit: 10 };
    assert.equal(await store.markDead({ ...at, now: start + hour }), 0);
    assert.deepEqual(await store.deadSegments({ afterKey: null, limit: 10 }), []);
    assert.equal(await store.markDead({ ...at, now: start + hour + 1 }), 1);
    assert.deepEqual(await store.deadSegments({ afterKey: null, limit: 10 }), ["a"]);
  });

  story("a pending segment whose lease was prolonged is condemned after the later time", async ({ store }) => {
    await store.recordIntent({ key: "a", ownerId: "owner", leaseUntil: start });
    await store.renewIntents({ keys: ["a", "unknown"], leaseUntil: start + hour });
    const at = { deletedBefore: start, completedSince: start, limit: 10 };
    assert.equal(await store.markDead({ ...at, now: start + hour }), 0);
    assert.equal(await store.markDead({ ...at, now: start + hour + 1 }), 1);
    await store.renewIntents({ keys: ["a"], leaseUntil: doomsday });
    assert.deepEqual(await store.deadSegments({ afterKey: null, limit: 10 }), ["a"]);
  });

  story("an abandoned segment is dead at once, also when the sweeper was first", async ({ store }) => {
    const segment = { key: "a", ownerId: "owner" };
    await store.recordIntent({ ...segment, leaseUntil: doomsday });
    await store.abandonSegment(segment);
    await store.abandonSegment(segment);
    assert.deepEqual(await store.deadSegments({ afterKey: null, limit: 10 }), ["a"]);
  });

  story("an abandoned segment whose row was swept is dead again, so that its bytes are looked for", async (world) => {
    const segment = { key: "a", ownerId: "owner" };
    await world.store.recordIntent({ ...segment, leaseUntil: start });
    assert.deepEqual(await world.dead(), ["a"]);
    await world.store.forgetSegments(["a"]);
    await world.store.abandonSegment(segment);
    assert.deepEqual(await world.dead(), ["a"]);
  });

  story("what is referenced is never abandoned", async (world) => {
    const { archive, segment } = await world.archive(await world.vault());
    await assert.rejects(world.store.abandonSegment(segment), { name: "InvariantError" });
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), [segment]);
  });

  story("a suspect segment keeps being referenced, and goes when its archive goes", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    await world.damage(segment);
    await world.damage(segment);
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), [segment]);
    assert.deepEqual(await world.dead(), []);
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await world.dead(), [segment.key]);
  });

  story("a suspect part is replaced like a sound one", async (world) => {
    const upload = await world.upload(await world.vault());
    const first = await world.part(upload, 0);
    await world.damage(first);
    const second = await world.part(upload, 0);
    assert.deepEqual(await world.store.listParts({ uploadId: upload.id, afterByte: null, limit: 9 }), [second]);
    assert.deepEqual(await world.dead(), [first.key]);
  });

  story("only what is live becomes suspect", async (world) => {
    const segment = await world.pending("owner");
    await world.damage(segment);
    await world.damage({ ...segment, key: "unknown" });
    assert.deepEqual(await world.dead(), [segment.key]);
    await world.damage(segment);
    assert.deepEqual(await world.dead(), [segment.key]);
  });

  story("the same key is not intended twice", async ({ store }) => {
    const intent = { key: "a", ownerId: "owner", leaseUntil: start };
    await store.recordIntent(intent);
    await assert.rejects(store.recordIntent(intent));
  });

  story(
    "segments are condemned in bounded steps, and dead ones listed in pages, in order of their keys",
    async (world) => {
      const keys = [];
      for (let index = 0; index < 5; index += 1) {
        keys.push((await world.pending(`owner-${index}`)).key);
      }
      const at = { now: doomsday, deletedBefore: start, completedSince: start, limit: 2 };
      const steps = [];
      for (let step = 0; step < 4; step += 1) {
        steps.push(await world.store.markDead(at));
      }
      assert.deepEqual(steps, [2, 2, 1, 0]);
      const seen: string[] = [];
      for (let page: string[] = [], afterKey: string | null = null; seen.length === 0 || page.length > 0; ) {
        page = await world.store.deadSegments({ afterKey, limit: 2 });
        assert(page.length <= 2);
        seen.push(...page);
        afterKey = page.at(-1) ?? null;
      }
      assert.deepEqual(seen, keys.sort(byName));
    },
  );

  story("deleted segments are listed in pages, by time, until they are dead", async (world) => {
    const vault = await world.vault();
    const expected = [];
    for (const deletedAt of [start + 5, start, start + 5, start + 1]) {
      const { archive, segment } = await world.archive(vault);
      await world.removeArchive(vault, archive.id, deletedAt);
      expected.push({ key: segment.key, deletedAt, sizeBytes: segment.sizeBytes });
    }
    await world.archive(vault);
    await world.release();
    type Deleted = (typeof expected)[number];
    const byTimeAndKey = (one: Deleted, other: Deleted) =>
      one.deletedAt - other.deletedAt || byName(one.key, other.key);
    expected.sort(byTimeAndKey);
    const seen: Deleted[] = [];
    for (let after: Deleted | null = null; ; ) {
      const page: Deleted[] = await world.store.deletedSegments({ after, limit: 1 });
      assert.ok((page[0]?.deletedAt ?? doomsday) >= (after?.deletedAt ?? start));
      after = page.at(-1) ?? null;
      if (after === null) {
        break;
      }
      seen.push(...page);
    }
    assert.deepEqual(seen.sort(byTimeAndKey), expected);
    const at = { now: doomsday, deletedBefore: start + 2, completedSince: doomsday, limit: 10 };
    await world.store.markDead(at);
    const left = await world.store.deletedSegments({ after: null, limit: 10 });
    assert.deepEqual(left.sort(byTimeAndKey), expected.slice(2));
  });

  story("only dead segments are forgotten", async (world) => {
    const { archive, segment } = await world.archive(await world.vault());
    const pending = await world.pending("owner");
    await world.store.forgetSegments([segment.key, pending.key, "unknown"]);
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), [segment]);
    assert.deepEqual(await world.dead(), [pending.key]);
  });

  story("a job in progress keeps the segments of its archive, wherever the archive is", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    await world.archiveJob(vault, archive);
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await world.dead(), []);
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), [segment]);
  });

  story("a finished job keeps them for as long as its output is promised", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    await world.archiveJob(vault, archive);
    await world.removeArchive(vault, archive.id);
    await world.finish(start + hour);
    assert.deepEqual(await world.dead(start + hour - 1), []);
    assert.deepEqual(await world.dead(start + hour), [segment.key]);
  });

  story("a job keeps only the archive's own segments, not the parts that others replaced", async (world) => {
    const vault = await world.vault();
    const upload = await world.upload(vault);
    const replaced = await world.part(upload, 0, { sizeBytes: 7 });
    const part = await world.part(upload, 0, { sizeBytes: 9 });
    const archive = await world.complete({
      ...unchanged({ vaultId: vault.id }),
      uploadId: upload.id,
      claim: { sizeBytes: 9, treeHash: part.treeHash },
      idleSince: start - day,
      now: start,
    });
    await world.archiveJob(vault, archive);
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 100 }), [part]);
    assert.deepEqual(await world.dead(), [replaced.key]);
  });

  story("a fresh start lets go of every lease", async (world) => {
    const pending = await world.pending("owner", {}, doomsday);
    await world.store.releaseLeases(start);
    const at = { now: start, deletedBefore: start, completedSince: start, limit: 10 };
    assert.equal(await world.store.markDead(at), 1);
    assert.deepEqual(await world.store.deadSegments({ afterKey: null, limit: 10 }), [pending.key]);
  });
}
