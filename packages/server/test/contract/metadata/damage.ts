import assert from "node:assert/strict";
import { newArchiveId } from "../../../src/domain/new-id.ts";
import { type Damage, placesPerSegmentMax } from "../../../src/domain/vaults/damage.ts";
import { bytewise, doomsday, everyPage, keyOf, mebibyte, type Story, start } from "./world.ts";

const everything = { firstByte: 0, lastByte: Number.MAX_SAFE_INTEGER };
const mibAt = (index: number) => ({ firstByte: index * mebibyte, lastByte: (index + 1) * mebibyte - 1 });
const none = { archives: 0, inventories: 0, segments: 0 };

export function damageStories(story: Story): void {
  story("damage is recorded once, as it was found first", async (world) => {
    const { segment } = await world.archive(await world.vault());
    const found = world.damageOf(segment);
    assert.equal(await world.store.recordDamage(found), true);
    assert.equal(await world.store.recordDamage({ ...found, reason: "another", foundAt: start + 1 }), false);
    assert.deepEqual(await world.store.listDamage({ after: null, limit: 9 }), [found]);
    assert.deepEqual(await world.store.countDamage(), { ...none, archives: 1, segments: 1 });
  });

  story("damage is found by the range that it overlaps", async (world) => {
    const { archive, segment } = await world.archive(await world.vault(), { sizeBytes: 4 * mebibyte });
    const found = world.damageOf(segment, { range: mibAt(2) });
    await world.store.recordDamage(found);
    const find = (firstByte: number, lastByte: number) =>
      world.store.findDamage({ ownerId: archive.id, range: { firstByte, lastByte }, limit: 9 });
    assert.deepEqual(await find(0, 2 * mebibyte - 1), []);
    assert.deepEqual(await find(0, 2 * mebibyte), [found]);
    assert.deepEqual(await find(3 * mebibyte - 1, 3 * mebibyte), [found]);
    assert.deepEqual(await find(3 * mebibyte, 4 * mebibyte - 1), []);
    assert.deepEqual(await world.store.findDamage({ ownerId: "other", range: everything, limit: 9 }), []);
  });

  story("a segment is live again once the last of its damage is removed", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault, { sizeBytes: 4 * mebibyte });
    const [first, second] = [0, 2].map((index) => world.damageOf(segment, { range: mibAt(index) })) as [Damage, Damage];
    await world.store.recordDamage(first);
    await world.store.recordDamage(second);
    await world.store.removeDamage(first);
    assert.deepEqual(await world.store.listDamage({ after: null, limit: 9 }), [second]);
    await world.store.removeDamage(second);
    await world.store.removeDamage(second);
    assert.deepEqual(await world.store.countDamage(), none);
    assert.deepEqual(await world.store.findSegment(segment.key), segment);
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await world.dead(), [segment.key]);
  });

  story("damage without a segment is recorded for the archive", async (world) => {
    const { segment } = await world.archive(await world.vault());
    const found = world.damageOf(segment, { segmentKey: null, range: { firstByte: 3, lastByte: 3 }, reason: "a gap" });
    assert.equal(await world.store.recordDamage(found), true);
    assert.deepEqual(await world.store.listDamage({ after: null, limit: 9 }), [found]);
    assert.deepEqual(await world.store.countDamage(), { ...none, archives: 1 });
  });

  story("an archive takes its damage with it, and none is recorded of it afterwards", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    const gap = world.damageOf(segment, { segmentKey: null });
    await world.damage(segment);
    await world.store.recordDamage(gap);
    await world.removeArchive(vault, archive.id);
    assert.equal(await world.damage(segment), true);
    assert.equal(await world.store.recordDamage(gap), true);
    assert.deepEqual(await world.store.countDamage(), none);
  });

  story("damage of an inventory goes once its job is gone, and that of archives stays", async (world) => {
    const { segment } = await world.archive(await world.vault());
    await world.damage(segment);
    const owner = { kind: "inventory", id: "job", vault: keyOf("photos"), description: "", sizeBytes: 7 } as const;
    await world.store.recordDamage(world.damageOf(segment, { owner, segmentKey: null }));
    assert.deepEqual(await world.store.countDamage(), { archives: 1, inventories: 1, segments: 1 });
    assert.equal(await world.store.expireDamage({ limit: 9 }), 1);
    assert.deepEqual(await world.store.countDamage(), { ...none, archives: 1, segments: 1 });
  });

  story("of one segment a bounded number of places is kept", async (world) => {
    const sizeBytes = (placesPerSegmentMax + 2) * mebibyte;
    const { segment } = await world.archive(await world.vault(), { sizeBytes });
    for (let index = 0; index < placesPerSegmentMax; index += 1) {
      assert.equal(await world.store.recordDamage(world.damageOf(segment, { range: mibAt(index) })), true);
    }
    const further = world.damageOf(segment, { range: mibAt(placesPerSegmentMax) });
    assert.equal(await world.store.recordDamage(further), false);
    const all = await world.store.listDamage({ after: null, limit: doomsday });
    assert.equal(all.length, placesPerSegmentMax);
  });

  story("all damage is listed in pages, each place once", async (world) => {
    const vault = await world.vault();
    const found: Damage[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { segment } = await world.archive(vault, { sizeBytes: 4 * mebibyte });
      for (const range of [mibAt(1), mibAt(3)]) {
        found.push(world.damageOf(segment, { range }));
      }
    }
    await Promise.all(found.map((damage) => world.store.recordDamage(damage)));
    const listed = await everyPage<Damage>((last) => {
      const after = last && {
        ownerId: last.owner.id,
        firstByte: last.range.firstByte,
        segmentKey: last.segmentKey ?? "",
      };
      return world.store.listDamage({ after, limit: 2 });
    });
    const place = ({ owner, range }: Damage) => `${owner.id} ${range.firstByte}`;
    assert.deepEqual(listed.map(place), found.map(place).sort(bytewise));
    assert.deepEqual(await world.store.findDamage({ ownerId: newArchiveId(), range: everything, limit: 9 }), []);
  });
}
