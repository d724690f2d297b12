import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { newArchiveId } from "../../src/domain/new-id.ts";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import { accountId, day, hour, start, World } from "../contract/metadata/world.ts";
import { openInlineStore } from "../support/inline-store.ts";

// Rows are damaged while the service works. Rounds of work leave them as they are, name them, and continue with the others.

interface Scene {
  readonly world: World;
  readonly met: readonly string[];
  /** Changes rows behind the store's back. */
  edit(statement: string): void;
  count(condition: string): number;
}

function scene(sentence: string, body: (scene: Scene) => Promise<void>): void {
  test(sentence, async () => {
    const folder = await mkdtemp(join(tmpdir(), "moraine-rounds-"));
    const path = join(folder, "moraine.db");
    const met: string[] = [];
    const store = await openInlineStore(path, { onDamagedRow: ({ table, row }) => met.push(`${table}: ${row}`) });
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    try {
      const edit = (statement: string) => assert.equal(database.prepare(statement).run().changes, 1, statement);
      const count = (condition: string) =>
        Number(database.prepare(`SELECT count(*) AS count FROM ${condition}`).get()?.["count"]);
      await body({ world: new World(store), met, edit, count });
    } finally {
      database.close();
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
}

scene(
  "an emptying of the service sees that a lock was removed behind its back",
  async ({ world, met, edit, count }) => {
    const vault = await world.vault();
    await world.archive(vault);
    await world.store.initiateLock({ ...permittedBy(vault), lockId: "lock", policy: "{}", now: start });
    await world.store.completeLock({ ...permittedBy(vault), accessVersion: 1, lockId: "lock", now: start });
    const removal = { accountId, removesLocked: false };
    await assert.rejects(world.store.removeContents(removal), /locked/);
    edit("UPDATE vaults SET lock_policy = NULL, lock_id = NULL, lock_state = NULL, lock_created_at = NULL");
    await assert.rejects(world.store.removeContents(removal), { name: "DamagedRowError" });
    assert.equal(count("archives"), 1);
    assert.deepEqual(met, [`vaults: id ${vault.id}`]);
  },
);

scene("an emptying of the service condemns more segments than it reads at a time", async ({ world, count }) => {
  const vault = await world.vault();
  const segments = 501;
  for (let each = 0; each < segments; each += 1) {
    await world.archive(vault);
  }
  await world.store.removeContents({ accountId, removesLocked: true });
  assert.equal(count("segments WHERE state = 'dead'"), segments);
});

scene("segments are let go around one whose row is damaged", async ({ world, met, edit, count }) => {
  const vault = await world.vault();
  const upload = await world.upload(vault);
  const parts = 20;
  for (let part = 0; part < parts; part += 1) {
    await world.part(upload, part);
  }
  // At the end of the first page, and in the middle of the second.
  for (const part of [7, 11]) {
    edit(`UPDATE segments SET size_bytes = size_bytes + 1 WHERE first_byte = ${part * upload.partSizeBytes}`);
  }
  const abortion = { ...permittedBy(vault), uploadId: upload.id, idleSince: start - day, now: start };
  await world.store.abortUpload(abortion);
  await world.release();
  assert.equal(count("segments WHERE state = 'deleted'"), parts - 2);
  assert.equal(count("segments WHERE state = 'live'"), 2);
  assert.equal(count("releases"), 0);
  assert.equal(new Set(met).size, 2);
});

for (const column of ["owner_head", "owner_tail", "deleted_at", "mac"]) {
  scene(
    `a pending segment whose row has another ${column} becomes neither live nor dead`,
    async ({ world, met, edit, count }) => {
      const vault = await world.vault();
      const id = newArchiveId();
      const segment = await world.pending(id);
      edit(`UPDATE segments SET ${column} = x'00'`);
      const { treeHash, sizeBytes } = segment;
      const archive = {
        id,
        vaultId: vault.id,
        description: "",
        sizeBytes,
        treeHash,
        createdAt: start,
        deletedAt: null,
      };
      await assert.rejects(world.store.addArchive({ ...permittedBy(vault), archive, segment }), {
        name: "DamagedRowError",
      });
      await assert.rejects(world.store.abandonSegment(segment), { name: "DamagedRowError" });
      assert.equal(count("segments WHERE state = 'pending'"), 1);
      assert.equal(count("archives"), 0);
      assert.equal(met.length, 2);
    },
  );
}

for (const [what, change] of [
  ["names a vault that is not there", "vault_id = 'none'"],
  ["has a number that no program wrote", "archive_size_bytes = 1 << 60"],
] as const) {
  scene(`a job whose row ${what} stays, and others are claimed`, async ({ world, met, edit, count }) => {
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const damaged = await world.archiveJob(vault, archive);
    const sound = await world.archiveJob(vault, archive, { createdAt: start + 1 });
    edit(`UPDATE jobs SET ${change} WHERE id = '${damaged.id}'`);
    const claims = await world.claimAll(start + hour);
    assert.deepEqual(
      claims.map(({ job }) => job.id),
      [sound.id],
    );
    assert.equal(count(`jobs WHERE id = '${damaged.id}'`), 1);
    assert.match(met.join(), /^jobs: /);
  });
}
