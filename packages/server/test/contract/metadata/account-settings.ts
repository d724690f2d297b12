import assert from "node:assert/strict";
import type { AccountKey } from "../../../src/domain/vaults/vault.ts";
import { accountId, day, otherAccountId, type Story, start } from "./world.ts";

const here: AccountKey = { accountId, region: "us-east-1" };
const elsewhere: AccountKey = { accountId, region: "eu-west-1" };
const somebody: AccountKey = { accountId: otherAccountId, region: "us-east-1" };
const denied = { name: "GlacierError", code: "PolicyEnforcedException" };

export function accountSettingsStories(story: Story): void {
  story("a data retrieval policy is its account's in its region, and keeps 64 bits", async ({ store }) => {
    const largest = { strategy: "BytesPerHour", bytesPerHour: 2n ** 63n - 1n } as const;
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "FreeTier" } });
    await store.setRetrievalPolicy({ account: here, policy: largest });
    await store.setRetrievalPolicy({ account: elsewhere, policy: { strategy: "FreeTier" } });
    assert.deepEqual(await store.findRetrievalPolicy(here), largest);
    assert.deepEqual(await store.findRetrievalPolicy(elsewhere), { strategy: "FreeTier" });
    assert.deepEqual(await store.findRetrievalPolicy(somebody), { strategy: "None" });
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "None" } });
    assert.deepEqual(await store.findRetrievalPolicy(here), { strategy: "None" });
  });

  story("a job that the policy refuses leaves nothing", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault, { sizeBytes: 9 });
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "BytesPerHour", bytesPerHour: 5n } });
    const standard = (times: { createdAt?: number } = {}) =>
      world.archiveJob(vault, archive, { ...times, tier: "Standard" });
    // Nine bytes count as three an hour.
    await standard();
    await assert.rejects(standard(), denied);
    await world.archiveJob(vault, archive, { tier: "Bulk" });
    const page = { vaultId: vault.id, completedSince: start - day, states: null, after: null, limit: 10 };
    assert.equal((await store.listJobs(page)).length, 2);

    // A refused job has not used up any of the day's bytes either: nine of them are gone, not eighteen.
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "FreeTier" } });
    await assert.rejects(world.archiveJob(vault, archive, { tier: "Standard", monthlyFreeBytes: 31 * 18 - 1 }), denied);
    await world.archiveJob(vault, archive, { tier: "Standard", monthlyFreeBytes: 31 * 18 });
    await assert.rejects(world.archiveJob(vault, archive, { tier: "Standard", monthlyFreeBytes: 31 * 18 }), denied);
    const tomorrow = { tier: "Standard", monthlyFreeBytes: 31 * 9, createdAt: start + day } as const;
    await world.archiveJob(vault, archive, tomorrow);
    await assert.rejects(world.archiveJob(vault, archive, tomorrow), denied);
  });

  story("jobs of other accounts and other regions do not count", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault, { sizeBytes: 4 });
    for (const account of [elsewhere, somebody]) {
      const key = { ...account, vaultName: "theirs" };
      await store.createVault({ id: `${account.region} ${account.accountId}`, key, now: start });
      const theirs = await world.seen(key);
      const { archive: large } = await world.archive(theirs, { sizeBytes: 4000 });
      await world.archiveJob(theirs, large, { tier: "Standard" });
    }
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "BytesPerHour", bytesPerHour: 1n } });
    await world.archiveJob(vault, archive, { tier: "Standard" });
    await assert.rejects(world.archiveJob(vault, archive, { tier: "Standard" }), denied);
  });

  story("jobs that together are larger than any number are summed exactly", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const huge = { ...archive, sizeBytes: Number.MAX_SAFE_INTEGER };
    for (let count = 0; count < 5; count += 1) {
      await world.archiveJob(vault, huge, { tier: "Standard" });
    }
    const sum = 5n * 2n ** 51n;
    const bytesPerHour = sum + 3n;
    await store.setRetrievalPolicy({
      account: here,
      policy: { strategy: "BytesPerHour", bytesPerHour: bytesPerHour - 1n },
    });
    await assert.rejects(world.archiveJob(vault, archive, { tier: "Standard" }), denied);
    await store.setRetrievalPolicy({ account: here, policy: { strategy: "BytesPerHour", bytesPerHour } });
    await world.archiveJob(vault, archive, { tier: "Standard" });
  });

  story("an account has two units of capacity in a region, expired ones not counted", async ({ store }) => {
    const buy = (id: string, account = here, now = start) => store.addCapacityUnit({ account, id, now });
    const listed = async (account: AccountKey, now = start) =>
      (await store.listCapacityUnits({ account, now })).map(({ id }) => id);
    await buy("b", here, start + 1);
    await buy("a", here, start);
    await assert.rejects(buy("c"), { name: "GlacierError", code: "LimitExceededException" });
    await buy("d", elsewhere);
    await buy("e", somebody);
    assert.deepEqual(await listed(here), ["a", "b"]);
    assert.deepEqual(await listed(elsewhere), ["d"]);
    assert.deepEqual(await listed(somebody), ["e"]);
    const expiresAt = Date.UTC(2026, 1, 1);
    assert.deepEqual(await store.listCapacityUnits({ account: here, now: expiresAt - 1 }), [
      { id: "a", startedAt: start, expiresAt },
      { id: "b", startedAt: start + 1, expiresAt },
    ]);
    assert.deepEqual(await listed(here, expiresAt), []);
    await buy("c", here, expiresAt);
    assert.deepEqual(await listed(here, expiresAt), ["c"]);
  });
}
