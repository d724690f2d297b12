import assert from "node:assert/strict";
import { manifestPlace } from "../../../src/domain/segment.ts";
import { scrubRangeCount } from "../../../src/domain/stores/scrub-store.ts";
import { bytewise, keyOf, type Story, start } from "./world.ts";

const times = Array.from({ length: scrubRangeCount }, (_, range) => start + range);
const nobody = { newReadAt: null, newestSequence: null };

export function scrubStories(story: Story): void {
  story("a scrub begins once, and keeps the times of its ranges", async ({ store }) => {
    assert.deepEqual(await store.scrubState(), { ...nobody, rangesReadAt: [], cursor: null });
    await store.beginScrub({ rangesReadAt: times, newReadAt: start });
    await store.beginScrub({ rangesReadAt: times.map(() => 0), newReadAt: 0 });
    assert.deepEqual(await store.scrubState(), { ...nobody, rangesReadAt: times, cursor: null, newReadAt: start });
    await store.keepScrubCursor({ range: 7, beganAt: start + 1000, after: "07ff" });
    const cursor = { range: 7, beganAt: start + 1000, after: "07ff" };
    assert.deepEqual((await store.scrubState()).cursor, cursor);
    await store.keepScrubCursor({ ...cursor, after: null });
    assert.deepEqual((await store.scrubState()).cursor, { ...cursor, after: null });
    await store.finishScrubRange({ range: 7, beganAt: start + 1000 });
    await store.noteNewRead(start + 2000);
    assert.deepEqual(await store.scrubState(), {
      rangesReadAt: times.with(7, start + 1000),
      cursor: null,
      newReadAt: start + 2000,
      newestSequence: null,
    });
  });

  story(
    "a scrub that is restarted has read all of its ranges at one time, and none of them in part",
    async ({ store }) => {
      const restarted = { rangesReadAt: start - 1000, newReadAt: start };
      await store.restartScrub(restarted);
      await store.keepScrubCursor({ range: 7, beganAt: start, after: "07ff" });
      await store.restartScrub(restarted);
      const rangesReadAt = times.map(() => start - 1000);
      assert.deepEqual(await store.scrubState(), { ...nobody, rangesReadAt, cursor: null, newReadAt: start });
    },
  );

  story("every segment is in exactly one range, live or suspect, and none that is not", async (world) => {
    const vault = await world.vault();
    const upload = await world.upload(vault);
    const [{ segment: sound }, { segment: suspect }] = [await world.archive(vault), await world.archive(vault)];
    const { archive: deleted } = await world.archive(vault);
    const part = await world.part(upload, 0);
    await world.pending("owner");
    await world.damage(suspect);
    await world.removeArchive(vault, deleted.id);
    const found: string[] = [];
    for (let range = 0; range < scrubRangeCount; range += 1) {
      for (let after: string | null = null; ; ) {
        const [next] = await world.store.scrubPage({ range, after, limit: 1 });
        if (next === undefined) {
          break;
        }
        found.push(next.segment.key);
        after = next.after;
      }
    }
    assert.deepEqual(found.toSorted(bytewise), [sound.key, suspect.key, part.key].toSorted(bytewise));
  });

  story(
    "segments are to be read back in the order in which they were stored, until they are forgotten",
    async (world) => {
      const vault = await world.vault();
      const { segment: first } = await world.archive(vault);
      const { archive: deleted } = await world.archive(vault);
      await world.pending("owner");
      const part = await world.part(await world.upload(vault), 0);
      await world.removeArchive(vault, deleted.id);
      const list = async (afterSequence = 0, lastSequence = 100, limit = 100) =>
        (await world.store.newSegments({ afterSequence, lastSequence, limit })).map(({ segment }) => segment);
      assert.deepEqual(await list(), [first, null, part]);
      assert.deepEqual(await list(1), [null, part]);
      assert.deepEqual(await list(0, 2), [first, null]);
      assert.deepEqual(await list(0, 100, 1), [first]);
      assert.equal((await world.store.scrubState()).newestSequence, 3);
      await world.store.forgetNewSegments([1, 2, 99]);
      assert.deepEqual(await list(), [part]);
      await world.store.forgetNewSegments([3]);
      assert.equal((await world.store.scrubState()).newestSequence, null);
      await world.store.queueSegment(first.key);
      assert.deepEqual(await list(), [first]);
    },
  );

  story("bytes belong to an archive that lives, or to an inventory; a part's to nobody yet", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const upload = await world.upload(vault);
    const job = await world.inventoryJob(vault);
    const inventory = { kind: "inventory", id: job.id, vault: keyOf("photos"), description: "", sizeBytes: 0 };
    assert.deepEqual(await world.store.findBytesOwner(archive.id), {
      ...{ kind: "archive", id: archive.id, vault: keyOf("photos"), description: "holiday", sizeBytes: 10 },
    });
    assert.deepEqual(await world.store.findBytesOwner(job.id), inventory);
    assert.equal(await world.store.findBytesOwner(upload.archiveId), null);
    await world.removeArchive(vault, archive.id);
    assert.equal(await world.store.findBytesOwner(archive.id), null);
  });

  story(
    "a manifest that is written again takes the place of the earlier one, which is dead and not damaged",
    async (world) => {
      const vault = await world.vault();
      const { archive } = await world.archive(vault);
      const listed = { archive, vault: keyOf("photos") };
      assert.deepEqual(await world.store.findListedArchive(archive.id), { ...listed, hasManifest: false });
      const [first, second, late] = [
        await world.pending(archive.id, { firstByte: manifestPlace }),
        await world.pending(archive.id, { firstByte: manifestPlace }),
        await world.pending(archive.id, { firstByte: manifestPlace }),
      ];
      assert.equal(await world.store.replaceManifest({ manifest: first }), true);
      assert.deepEqual(await world.store.findListedArchive(archive.id), { ...listed, hasManifest: true });
      await world.damage(first);
      assert.equal(await world.store.replaceManifest({ manifest: second }), true);
      assert.deepEqual(
        [await world.store.findSegment(first.key), (await world.store.findSegment(second.key))?.key],
        [null, second.key],
      );
      assert.deepEqual(await world.store.listDamage({ after: null, limit: 10 }), []);
      assert.deepEqual(await world.store.deadSegments({ afterKey: null, limit: 10 }), [first.key]);
      await world.removeArchive(vault, archive.id);
      assert.equal(await world.store.findListedArchive(archive.id), null);
      assert.equal(await world.store.replaceManifest({ manifest: late }), false);
      assert.deepEqual(
        new Set(await world.store.deadSegments({ afterKey: null, limit: 10 })),
        new Set([first.key, late.key]),
      );
    },
  );
}
