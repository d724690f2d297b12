import assert from "node:assert/strict";
import { hour, keyOf, type Story, start } from "./world.ts";

export function contentsStories(story: Story): void {
  story("vaults are added up, page after page", async ({ store }) => {
    const page = (afterId: string | null, limit: number) => store.sumVaults({ afterId, limit });
    assert.deepEqual(await page(null, 2), { vaults: 0, archives: 0, sizeBytes: 0, lastId: null });
    for (const id of ["c", "a", "b"]) {
      await store.createVault({ id, key: keyOf(id), now: start });
    }
    assert.deepEqual(await page(null, 2), { vaults: 2, archives: 0, sizeBytes: 0, lastId: "b" });
    assert.deepEqual(await page("b", 2), { vaults: 1, archives: 0, sizeBytes: 0, lastId: "c" });
    assert.deepEqual(await page("c", 2), { vaults: 0, archives: 0, sizeBytes: 0, lastId: null });
  });

  story("a sum has the archives that are not deleted, and sizes beyond 2^31", async (world) => {
    const vault = await world.vault();
    await world.archive(vault, { sizeBytes: 4 * 1024 ** 3 });
    const { archive } = await world.archive(vault, { sizeBytes: 5 });
    const sum = async () => {
      const { archives, sizeBytes } = await world.store.sumVaults({ afterId: null, limit: 9 });
      return { archives, sizeBytes };
    };
    assert.deepEqual(await sum(), { archives: 2, sizeBytes: 4 * 1024 ** 3 + 5 });
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await sum(), { archives: 1, sizeBytes: 4 * 1024 ** 3 });
  });

  story("jobs are counted by whether they run, until they end", async (world) => {
    const jobs = async () => {
      const { runningJobs, waitingJobs } = await world.store.countWork();
      return [runningJobs, waitingJobs];
    };
    const vault = await world.vault();
    assert.deepEqual(await jobs(), [0, 0]);
    await world.inventoryJob(vault);
    await world.inventoryJob(vault, { dueAt: start + hour });
    assert.deepEqual(await jobs(), [0, 2]);
    const claim = await world.claim();
    assert.deepEqual(await jobs(), [1, 1]);
    await world.store.finishJob({ ...claim, state: "failed", statusMessage: "No", now: start, output: null });
    assert.deepEqual(await jobs(), [0, 1]);
  });

  story("open uploads and dead segments are counted", async (world) => {
    const work = async () => {
      const { openUploads, deadSegments } = await world.store.countWork();
      return [openUploads, deadSegments];
    };
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const upload = await world.upload(vault);
    await world.upload(vault);
    assert.deepEqual(await work(), [2, 0]);
    const expected = { vaultId: vault.id, vault: keyOf("photos"), accessVersion: 0 };
    await world.store.abortUpload({ ...expected, uploadId: upload.id, idleSince: start - hour, now: start });
    await world.removeArchive(vault, archive.id);
    assert.deepEqual(await work(), [1, 0]);
    const keys = await world.dead();
    assert.deepEqual(await work(), [1, 1]);
    await world.store.forgetSegments(keys);
    assert.deepEqual(await work(), [1, 0]);
  });
}
