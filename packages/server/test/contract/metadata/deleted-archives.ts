import assert from "node:assert/strict";
import type { Vault } from "../../../src/domain/vaults/vault.ts";
import { day, doomsday, hour, type Story, start, type World } from "./world.ts";

const notFound = { code: "ResourceNotFoundException" };

export function deletedArchiveStories(story: Story): void {
  story("a deleted archive is forgotten after its time, and its id then counts as never issued", async (world) => {
    const { vault, archiveId } = await deletedArchive(world, start + hour);
    await world.unlist();
    assert.equal(await world.store.forgetArchives({ deletedBefore: start + hour, limit: 10 }), 0);
    await world.removeArchive(vault, archiveId);
    assert.equal(await world.store.forgetArchives({ deletedBefore: start + hour + 1, limit: 10 }), 1);
    assert.equal(await world.store.findArchive({ vaultId: vault.id, archiveId }), null);
    await assert.rejects(world.removeArchive(vault, archiveId), notFound);
  });

  story("living archives are never unlisted or forgotten", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    await world.unlist();
    await world.unlist("aws");
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 0);
    assert.deepEqual(await listed(world, vault, 1), [archive.id]);
  });

  story("what an inventory may still list is not forgotten, however long ago it was deleted", async (world) => {
    const { vault, archiveId } = await deletedArchive(world, start + hour);
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 0);
    assert.deepEqual(await listed(world, vault, 1), [archiveId]);
  });

  story("the last inventory stays whole in the aws profile, until the next is taken", async (world) => {
    const vault = await world.vault();
    const { archive: early } = await world.archive(vault);
    const { archive: late } = await world.archive(vault, { createdAt: start + 1 });
    await world.removeArchive(vault, early.id);
    const { inventory } = await world.store.takeInventory({ vaultId: vault.id, now: start + hour });
    assert.equal(inventory?.revision, 3);
    await world.removeArchive(vault, late.id, start + 2 * hour);
    await world.unlist("aws");
    assert.deepEqual(await listed(world, vault, 3), [late.id]);
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 1);
    await world.store.takeInventory({ vaultId: vault.id, now: start + day });
    await world.unlist("aws");
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 1);
  });

  story("an inventory that is being written keeps what was deleted meanwhile, until its job ends", async (world) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    await world.inventoryJob(vault);
    const claim = await world.claim();
    const { inventory } = await world.store.takeInventory({ vaultId: vault.id, now: start });
    await world.removeArchive(vault, archive.id);
    for (const profile of ["practical", "aws"] as const) {
      await world.unlist(profile);
      assert.deepEqual(await listed(world, vault, inventory?.revision ?? 0), [archive.id]);
    }
    const end = { state: "failed", statusMessage: "Done", now: start, output: null } as const;
    assert(await world.store.finishJob({ ...claim, ...end }));
    await world.unlist();
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 1);
  });

  story("other jobs, and inventories of other vaults, keep nothing listed", async (world) => {
    const { vault } = await deletedArchive(world, start);
    const { archive } = await world.archive(vault);
    await world.archiveJob(vault, archive);
    await world.inventoryJob(await world.vault("other"));
    assert.equal((await world.claimAll()).length, 2);
    await world.unlist();
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 1);
  });

  story(
    "deleted archives are unlisted and forgotten in steps, vault by vault, also of vaults that are gone",
    async (world) => {
      for (const name of ["a", "b", "c"]) {
        const vault = await world.vault(name);
        for (let index = 0; index < 3; index += 1) {
          const { archive } = await world.archive(vault);
          await world.removeArchive(vault, archive.id);
        }
        if (name === "b") {
          await world.store.removeVault({ key: vault, profile: "practical", expectedVersion: 0, now: start });
        }
      }
      const at = { profile: "aws", limit: 2 } as const;
      let steps = 0;
      let afterVault: string | null = null;
      do {
        afterVault = await world.store.unlistArchives({ ...at, afterVault });
        steps += 1;
      } while (afterVault !== null);
      assert(steps >= 5, "no step changes more rows than it may");
      const forgotten = [];
      for (let index = 0; index < 4; index += 1) {
        forgotten.push(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 4 }));
      }
      assert.deepEqual(forgotten, [4, 4, 1, 0]);
    },
  );

  story("jobs of a deleted archive read its segments after it is forgotten", async (world) => {
    const vault = await world.vault();
    const { archive, segment } = await world.archive(vault);
    await world.archiveJob(vault, archive);
    await world.finish(start + hour);
    await world.removeArchive(vault, archive.id);
    await world.unlist();
    assert.equal(await world.store.forgetArchives({ deletedBefore: doomsday, limit: 10 }), 1);
    const range = { firstByte: 0, lastByte: 0 };
    assert.deepEqual(await world.store.segmentsOf({ archiveId: archive.id, range, limit: 10 }), [segment]);
    assert.deepEqual(await world.dead(start + hour), [segment.key]);
  });
}

async function deletedArchive(world: World, deletedAt: number) {
  const vault = await world.vault();
  const { archive } = await world.archive(vault);
  await world.removeArchive(vault, archive.id, deletedAt);
  return { vault, archiveId: archive.id };
}

async function listed(world: World, vault: Vault, revision: number): Promise<string[]> {
  const everything = { after: null, createdFrom: null, createdBefore: null, limit: 100 };
  const { archives: page } = await world.store.inventoryPage({ vaultId: vault.id, revision, ...everything });
  return page.map(({ id }) => id);
}
