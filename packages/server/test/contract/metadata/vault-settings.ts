import assert from "node:assert/strict";
import { newVaultId } from "../../../src/domain/new-id.ts";
import type { Vault } from "../../../src/domain/vault.ts";
import { lockMark } from "../../../src/domain/vault-lock.ts";
import { day, keyOf, type Story, start, vaultGone, type World } from "./world.ts";

const at = (vault: Vault) => ({ vaultId: vault.id, vault });
const notifications = {
  topic: "arn:aws:sns:us-east-1:123456789012:t",
  events: ["InventoryRetrievalCompleted"],
} as const;
const initiate = ({ store }: World, vault: Vault, lockId: string, now = start) =>
  store.initiateLock({ ...at(vault), lockId, policy: `policy of ${lockId}`, now });
const lockOf = async (world: World, vault: Vault) => (await world.seen(vault)).lock;
const changed = {
  name: "GlacierError",
  code: "ServiceUnavailableException",
  message: /lock or tags have changed meanwhile/,
};

export function vaultSettingsStories(story: Story): void {
  story("what is set on a vault is in its row, and nothing else of the row changes", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const other = await world.vault("other");
    await store.addTags({ ...at(vault), tags: { a: "1", ключ: "" } });
    await store.setNotifications({ ...at(vault), notifications });
    await store.setAccessPolicy({ ...at(vault), policy: '{"é":"\u0000"}' });
    await initiate(world, vault, "lock");
    const lock = { lockId: "lock", policy: "policy of lock", createdAt: start };
    const expected: Vault = {
      ...vault,
      tags: { a: "1", ключ: "" },
      notifications,
      accessPolicy: '{"é":"\u0000"}',
      lock: { state: "in_progress", ...lock, expiresAt: start + day },
    };
    assert.deepEqual(await world.seen(vault), expected);
    assert.deepEqual(await store.findVaultById(vault.id), expected);
    const page = { accountId: vault.accountId, region: vault.region, afterName: null, limit: 10 };
    assert.deepEqual(await store.listVaults(page), [other, expected]);

    await store.completeLock({ ...at(vault), lockId: "lock", now: start + 1 });
    await store.removeTags({ ...at(vault), keys: ["a", "b"] });
    await store.setNotifications({ ...at(vault), notifications: null });
    await store.setAccessPolicy({ ...at(vault), policy: null });
    const left = { ...vault, tags: { ключ: "" }, lock: { state: "locked", ...lock } };
    assert.deepEqual(await world.seen(vault), left);
  });

  story("nothing is set on a vault that has gone, nor on one that was made again", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    await store.removeVault({ key: vault, profile: "practical", lockSeen: null, now: start });
    const again = await world.vault();
    for (const change of [
      store.addTags({ ...at(vault), tags: { a: "1" } }),
      store.removeTags({ ...at(vault), keys: ["a"] }),
      store.setNotifications({ ...at(vault), notifications }),
      store.setNotifications({ ...at(vault), notifications: null }),
      store.setAccessPolicy({ ...at(vault), policy: "{}" }),
      store.setAccessPolicy({ ...at(vault), policy: null }),
      initiate(world, vault, "lock"),
      store.completeLock({ ...at(vault), lockId: "lock", now: start }),
      store.abortLock(at(vault)),
    ]) {
      await assert.rejects(change, vaultGone(vault));
    }
    assert.deepEqual(await world.seen(again), again);
  });

  story("changes of one vault's tags that race are all kept, up to the limit", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) => store.addTags({ ...at(vault), tags: { [`key ${index}`]: "" } })),
    );
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 50);
    assert.equal(Object.keys((await world.seen(vault)).tags).length, 50);
  });

  story("an archive is not removed under another lock than was seen", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const remove = (lockSeen: string | null) =>
      store.removeArchive({ ...at(vault), archiveId: archive.id, lockSeen, now: start });
    const survives = async (lockSeen: string | null) => {
      await assert.rejects(remove(lockSeen), changed);
      const found = await store.findArchive({ vaultId: vault.id, archiveId: archive.id });
      assert.equal(found?.deletedAt, null);
      assert.equal((await world.seen(vault)).archiveCount, 1);
    };

    await survives("never/locked");
    await initiate(world, vault, "first");
    const first = lockMark(await world.seen(vault));
    await survives(null);
    await store.abortLock(at(vault));
    await survives(first);
    await initiate(world, vault, "second");
    await survives(first);
    const second = lockMark(await world.seen(vault));
    await store.completeLock({ ...at(vault), lockId: "second", now: start });
    await survives(second);
    await survives(null);
    const untagged = lockMark(await world.seen(vault));
    await store.addTags({ ...at(vault), tags: { LegalHold: "true" } });
    await survives(untagged);
    await remove(lockMark(await world.seen(vault)));
    assert.equal((await world.seen(vault)).archiveCount, 0);
    // What is deleted stays so, whatever was seen.
    await remove(null);
  });

  story("a vault is not removed under another lock than was seen", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const remove = (lockSeen: string | null) =>
      store.removeVault({ key: vault, profile: "practical", lockSeen, now: start });
    await assert.rejects(remove("never/locked"), changed);
    await initiate(world, vault, "lock");
    await assert.rejects(remove(null), changed);
    const trial = lockMark(await world.seen(vault));
    await store.completeLock({ ...at(vault), lockId: "lock", now: start });
    await assert.rejects(remove(trial), changed);
    await assert.rejects(remove(null), changed);
    const complete = lockMark(await world.seen(vault));
    const { archive } = await world.archive(vault);
    await assert.rejects(remove(complete), { code: "InvalidParameterValueException" });
    await store.removeArchive({ ...at(vault), archiveId: archive.id, lockSeen: complete, now: start });
    await remove(complete);
    assert.equal(await store.findVault(vault), null);
  });

  story(
    "locks whose time has passed are dropped, no more at a time than asked, and never a complete one",
    async (world) => {
      const { store } = world;
      const vaults = [];
      for (let index = 0; index < 5; index += 1) {
        const vault = await world.vault(`vault-${index}`);
        await initiate(world, vault, `lock ${index}`, start + index);
        vaults.push(vault);
      }
      const [complete] = vaults as [Vault];
      await store.completeLock({ ...at(complete), lockId: "lock 0", now: start + 4 });
      assert.equal(await store.expireLocks({ now: start + day, limit: 10 }), 0);
      assert.equal(await store.expireLocks({ now: start + day + 3, limit: 2 }), 2);
      assert.equal(await store.expireLocks({ now: start + day + 3, limit: 2 }), 1);
      assert.equal(await store.expireLocks({ now: start + 1000 * day, limit: 0 }), 0);
      const states = await Promise.all(vaults.map(async (vault) => (await lockOf(world, vault))?.state));
      assert.deepEqual(states, ["locked", undefined, undefined, undefined, "in_progress"]);
      assert.equal(await store.expireLocks({ now: start + 1000 * day, limit: 10 }), 1);
      assert.equal((await lockOf(world, complete))?.state, "locked");
    },
  );

  story("a vault that is made again under its name has nothing set", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    await store.addTags({ ...at(vault), tags: { a: "1" } });
    await initiate(world, vault, "lock");
    await store.completeLock({ ...at(vault), lockId: "lock", now: start });
    const lockSeen = lockMark(await world.seen(vault));
    await store.removeVault({ key: vault, profile: "practical", lockSeen, now: start });
    await store.createVault({ id: newVaultId(), key: keyOf("photos"), now: start });
    const { tags, lock } = await world.seen(vault);
    assert.deepEqual([tags, lock], [{}, null]);
  });
}
