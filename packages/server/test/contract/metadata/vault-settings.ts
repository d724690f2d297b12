import assert from "node:assert/strict";
import { newVaultId } from "../../../src/domain/new-id.ts";
import { type PermittedVault, permittedBy } from "../../../src/domain/vaults/permission.ts";
import type { Vault } from "../../../src/domain/vaults/vault.ts";
import { day, keyOf, type Story, start, vaultGone, type World } from "./world.ts";

/** Permission by the vault's row as it is now. */
const now = async (world: World, vault: Vault) => permittedBy(await world.seen(vault));
const notifications = {
  topic: "arn:aws:sns:us-east-1:123456789012:t",
  events: ["InventoryRetrievalCompleted"],
} as const;
const initiate = async (world: World, vault: Vault, lockId: string, at = start) =>
  world.store.initiateLock({ ...(await now(world, vault)), lockId, policy: `policy of ${lockId}`, now: at });
const lockOf = async (world: World, vault: Vault) => (await world.seen(vault)).lock;
const changed = { name: "VaultChangedError" };

export function vaultSettingsStories(story: Story): void {
  story("what is set on a vault is in its row, and nothing else of the row changes", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const other = await world.vault("other");
    await store.addTags({ ...(await now(world, vault)), tags: { a: "1", ключ: "" } });
    await store.setNotifications({ ...(await now(world, vault)), notifications });
    await store.setAccessPolicy({ ...(await now(world, vault)), policy: '{"é":"\u0000"}' });
    await initiate(world, vault, "lock");
    const lock = { lockId: "lock", policy: "policy of lock", createdAt: start };
    const expected: Vault = {
      ...vault,
      tags: { a: "1", ключ: "" },
      notifications,
      accessPolicy: '{"é":"\u0000"}',
      lock: { state: "in_progress", ...lock, expiresAt: start + day },
      accessVersion: 3,
    };
    assert.deepEqual(await world.seen(vault), expected);
    assert.deepEqual(await store.findVaultById(vault.id), expected);
    const page = { accountId: vault.accountId, region: vault.region, afterName: null, limit: 10 };
    assert.deepEqual(await store.listVaults(page), [other, expected]);

    await store.completeLock({ ...(await now(world, vault)), lockId: "lock", now: start + 1 });
    await store.removeTags({ ...(await now(world, vault)), keys: ["a", "b"] });
    await store.setNotifications({ ...(await now(world, vault)), notifications: null });
    await store.setAccessPolicy({ ...(await now(world, vault)), policy: null });
    const left = { ...vault, tags: { ключ: "" }, lock: { state: "locked", ...lock }, accessVersion: 6 };
    assert.deepEqual(await world.seen(vault), left);
  });

  story("nothing is set on a vault that has gone, nor on one that was made again", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    await store.removeVault({ key: vault, profile: "practical", expectedVersion: 0, now: start });
    const again = await world.vault();
    for (const change of [
      store.addTags({ ...permittedBy(vault), tags: { a: "1" } }),
      store.removeTags({ ...permittedBy(vault), keys: ["a"] }),
      store.setNotifications({ ...permittedBy(vault), notifications }),
      store.setNotifications({ ...permittedBy(vault), notifications: null }),
      store.setAccessPolicy({ ...permittedBy(vault), policy: "{}" }),
      store.setAccessPolicy({ ...permittedBy(vault), policy: null }),
      store.initiateLock({ ...permittedBy(vault), lockId: "lock", policy: "{}", now: start }),
      store.completeLock({ ...permittedBy(vault), lockId: "lock", now: start }),
      store.abortLock(permittedBy(vault)),
    ]) {
      await assert.rejects(change, vaultGone(vault));
    }
    assert.deepEqual(await world.seen(again), again);
  });

  story("of changes that were allowed by one row, the first is made and the others change nothing", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const seen = permittedBy(vault);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => store.addTags({ ...seen, tags: { [`key ${index}`]: "" } })),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", ...Array.from({ length: 19 }, () => "rejected")],
    );
    assert.deepEqual((await world.seen(vault)).tags, { "key 0": "" });
  });

  story(
    "each change of the tags, the access policy or the lock makes another version, and no other does",
    async (world) => {
      const { store } = world;
      const vault = await world.vault();
      const changes: ReadonlyArray<readonly [steps: number, change: (at: PermittedVault) => Promise<unknown>]> = [
        [1, (at) => store.addTags({ ...at, tags: { a: "1" } })],
        [0, (at) => store.addTags({ ...at, tags: { a: "1" } })],
        [1, (at) => store.addTags({ ...at, tags: { a: "2", b: "" } })],
        [0, (at) => store.removeTags({ ...at, keys: ["c"] })],
        [1, (at) => store.removeTags({ ...at, keys: ["b"] })],
        [1, (at) => store.setAccessPolicy({ ...at, policy: "{}" })],
        [0, (at) => store.setAccessPolicy({ ...at, policy: "{}" })],
        [1, (at) => store.setAccessPolicy({ ...at, policy: null })],
        [0, (at) => store.setNotifications({ ...at, notifications })],
        [0, (at) => store.abortLock(at)],
        [1, (at) => store.initiateLock({ ...at, lockId: "first", policy: "{}", now: start })],
        [1, (at) => store.abortLock(at)],
        [1, (at) => store.initiateLock({ ...at, lockId: "second", policy: "{}", now: start })],
        [1, () => store.expireLocks({ now: start + day, limit: 1 })],
        [1, (at) => store.initiateLock({ ...at, lockId: "third", policy: "{}", now: start })],
        [1, (at) => store.completeLock({ ...at, lockId: "third", now: start })],
        [0, (at) => store.completeLock({ ...at, lockId: "third", now: start })],
        [0, async () => world.inventoryJob(await world.seen(vault))],
      ];
      for (const [steps, change] of changes) {
        const before = await now(world, vault);
        await change(before);
        const { accessVersion } = await world.seen(vault);
        assert.equal(accessVersion - before.accessVersion, steps, String(change));
      }
    },
  );

  story("no change is made that an older row of its vault allowed", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const upload = await world.upload(vault);
    const part = await world.part(upload, 0);
    const claim = { sizeBytes: part.sizeBytes, treeHash: part.treeHash };
    const segment = await world.pending(upload.archiveId, { firstByte: upload.partSizeBytes });
    const arrival = { uploadId: upload.id, segment, idleSince: start, now: start };
    const end = { uploadId: upload.id, idleSince: start, now: start };
    const removal = { key: keyOf("photos"), profile: "practical", now: start } as const;
    const older = permittedBy(vault);
    await store.addTags({ ...older, tags: { LegalHold: "true" } });
    await initiate(world, vault, "lock");
    const before = await world.seen(vault);
    for (const change of [
      () => store.addTags({ ...older, tags: { a: "1" } }),
      () => store.removeTags({ ...older, keys: ["LegalHold"] }),
      () => store.setAccessPolicy({ ...older, policy: "{}" }),
      () => store.setNotifications({ ...older, notifications }),
      () => store.initiateLock({ ...older, lockId: "other", policy: "{}", now: start }),
      () => store.completeLock({ ...older, lockId: "lock", now: start }),
      () => store.abortLock(older),
      () => store.removeArchive({ ...older, archiveId: archive.id, now: start }),
      () => store.removeVault({ ...removal, expectedVersion: older.accessVersion }),
      () => store.removeVault({ ...removal, expectedVersion: null }),
      () => world.archive(vault),
      () => world.upload(vault),
      () => store.addPart({ ...older, ...arrival }),
      () => world.complete({ ...older, ...end, claim }),
      () => store.abortUpload({ ...older, ...end }),
      () => world.archiveJob(vault, archive),
      () => world.inventoryJob(vault),
    ]) {
      await assert.rejects(change, changed, String(change));
      assert.deepEqual(await world.seen(vault), before, String(change));
    }
    const permitted = permittedBy(before);
    await store.addPart({ ...permitted, ...arrival });
    await store.removeArchive({ ...permitted, archiveId: archive.id, now: start });
    assert.deepEqual(await world.seen(vault), { ...before, archiveCount: 0, archiveBytes: 0, revision: 2 });
    // A deleted archive stays deleted, whichever row allowed it.
    await store.removeArchive({ ...older, archiveId: archive.id, now: start });
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
      await store.completeLock({ ...(await now(world, complete)), lockId: "lock 0", now: start + 4 });
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
    await store.addTags({ ...(await now(world, vault)), tags: { a: "1" } });
    await initiate(world, vault, "lock");
    await store.completeLock({ ...(await now(world, vault)), lockId: "lock", now: start });
    const { accessVersion: expectedVersion } = await world.seen(vault);
    await store.removeVault({ key: vault, profile: "practical", expectedVersion, now: start });
    await store.createVault({ id: newVaultId(), key: keyOf("photos"), now: start });
    const { tags, lock } = await world.seen(vault);
    assert.deepEqual([tags, lock], [{}, null]);
  });
}
