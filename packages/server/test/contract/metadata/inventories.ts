import assert from "node:assert/strict";
import type { ArchiveId } from "@moraine/protocol";
import type { Position } from "../../../src/domain/stores/metadata-store.ts";
import type { Archive } from "../../../src/domain/vaults/archive.ts";
import type { Vault } from "../../../src/domain/vaults/vault.ts";
import { bytewise, day, everyPage, hour, keyOf, type Story, start, type World } from "./world.ts";

export function inventoryStories(story: Story): void {
  story("an inventory is what the vault held when it was taken", async (world) => {
    const vault = await world.vault();
    await world.archive(vault, { sizeBytes: 30 });
    const taken = await world.store.takeInventory({ vaultId: vault.id, now: start + hour });
    assert.deepEqual(taken.inventory, {
      takenAt: start + hour,
      revision: 1,
      archiveCount: 1,
      archiveBytes: 30,
      archiveSum: (await listed(world, vault, 1)).sum,
    });
    await world.archive(vault, { sizeBytes: 5 });
    const seen = await world.seen(vault);
    assert.deepEqual(seen.inventory, taken.inventory);
    assert.deepEqual([seen.archiveCount, seen.archiveBytes, seen.revision], [2, 35, 2]);
  });

  story("an inventory without changes keeps its date; the first one needs none", async (world) => {
    const vault = await world.vault();
    const first = await world.store.takeInventory({ vaultId: vault.id, now: start });
    assert.equal(first.inventory?.takenAt, start);
    assert.deepEqual(await world.store.takeInventory({ vaultId: vault.id, now: start + hour }), first);
    await world.archive(vault);
    const next = await world.store.takeInventory({ vaultId: vault.id, now: start + 2 * hour });
    assert.equal(next.inventory?.takenAt, start + 2 * hour);
  });

  story("a vault that has gone has no inventory", async (world) => {
    await assert.rejects(world.store.takeInventory({ vaultId: "gone", now: start }), {
      code: "ResourceNotFoundException",
    });
  });

  story("inventories fall due by the first change, and from then on by the last inventory", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    await world.vault("never written to");
    const due = (dueBefore: number) => store.takeDueInventories({ dueBefore, now: dueBefore + day, limit: 10 });
    assert.equal(await due(start + 1000 * day), 0);
    await world.archive(vault, { createdAt: start + hour });
    const { archive } = await world.archive(vault, { createdAt: start + 2 * hour });
    assert.equal(await due(start + hour), 0);
    assert.equal(await due(start + hour + 1), 1);
    const { sum: archiveSum } = await listed(world, vault, 2);
    const taken = { takenAt: start + day + hour + 1, revision: 2, archiveCount: 2, archiveBytes: 20, archiveSum };
    assert.deepEqual((await world.seen(vault)).inventory, taken);

    assert.equal(await due(start + 1000 * day), 0);
    await world.removeArchive(vault, archive.id, start + 2 * day);
    assert.equal(await due(taken.takenAt), 0);
    assert.equal(await due(taken.takenAt + 1), 1);
    assert.equal((await world.seen(vault)).inventory?.archiveCount, 1);
    assert.equal((await world.seen(keyOf("never written to"))).inventory, null);
  });

  story("inventories that are due are taken no more at a time than asked, the oldest first", async (world) => {
    for (let index = 0; index < 5; index += 1) {
      await world.archive(await world.vault(`vault-${index}`), { createdAt: start + 5 - index });
    }
    const at = { dueBefore: start + day, now: start + day, limit: 2 };
    assert.equal(await world.store.takeDueInventories(at), 2);
    assert.notEqual((await world.seen(keyOf("vault-4"))).inventory, null);
    assert.equal((await world.seen(keyOf("vault-2"))).inventory, null);
    assert.equal(await world.store.takeDueInventories(at), 2);
    assert.equal(await world.store.takeDueInventories(at), 1);
    assert.equal(await world.store.takeDueInventories(at), 0);
  });

  story("a vault written to since its inventory stays in the aws profile until the next", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    await world.removeArchive(vault, archive.id);
    await assert.rejects(world.store.removeVault({ key: vault, profile: "aws", expectedVersion: 0, now: start }));
    await world.store.takeInventory({ vaultId: vault.id, now: start });
    await world.store.removeVault({ key: vault, profile: "aws", expectedVersion: 0, now: start });
    assert.equal(await world.store.findVault(vault), null);
  });

  story("a revision lists what lived then, while archives come and go between its pages", async (world) => {
    const vault = await world.vault();
    const lived: ArchiveId[] = [];
    for (let index = 0; index < 12; index += 1) {
      const { archive } = await world.archive(vault, { createdAt: start + index });
      lived.push(archive.id);
    }
    const [early] = lived.splice(3, 1);
    await world.removeArchive(vault, early ?? "");
    const { revision } = await world.seen(vault);

    const listed: ArchiveId[] = [];
    let after: Position | null = null;
    for (let round = 0; round < 4; round += 1) {
      // Deleted, or added at a place that is still to come, after the revision: neither may show.
      await world.removeArchive(vault, lived[round * 3 + 1] ?? "");
      await world.archive(vault, { createdAt: start + 11 });
      const page = await pageOf(world, vault, { revision, after, limit: 3 });
      listed.push(...page.map(({ id }) => id));
      after = page.at(-1) ?? after;
    }
    assert.deepEqual(listed, lived);
    assert.deepEqual(await pageOf(world, vault, { revision, after, limit: 3 }), []);
    assert.deepEqual(await pageOf(world, vault, { revision: 0 }), []);
    const now = await world.seen(vault);
    assert.equal((await pageOf(world, vault, { revision: now.revision })).length, now.archiveCount);
  });

  story("equal creation times are listed by id, without gaps or repeats", async (world) => {
    const vault = await world.vault();
    const ids: ArchiveId[] = [];
    for (let index = 0; index < 9; index += 1) {
      ids.push((await world.archive(vault)).archive.id);
    }
    ids.sort(bytewise);
    const listed = await everyPage((after: Archive | null) => pageOf(world, vault, { revision: 9, after, limit: 2 }));
    assert.deepEqual(
      listed.map(({ id }) => id),
      ids,
    );
  });

  story("creation times bound a list: the first is part of it, the last is not", async (world) => {
    const vault = await world.vault();
    for (let index = 0; index < 5; index += 1) {
      await world.archive(vault, { createdAt: start + index });
    }
    const bounds = { createdFrom: start + 1, createdBefore: start + 3 };
    const page = await pageOf(world, vault, { revision: 5, ...bounds });
    assert.deepEqual(
      page.map(({ createdAt }) => createdAt - start),
      [1, 2],
    );
  });
}

const whole = { after: null, createdFrom: null, createdBefore: null, limit: 100 };

const listed = (world: World, vault: Vault, revision: number) =>
  world.store.inventoryPage({ vaultId: vault.id, revision, ...whole });

async function pageOf(world: World, vault: Vault, page: Partial<Parameters<World["store"]["inventoryPage"]>[0]>) {
  return (await world.store.inventoryPage({ vaultId: vault.id, revision: 0, ...whole, ...page })).archives;
}
