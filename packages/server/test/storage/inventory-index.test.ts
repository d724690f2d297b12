import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { start, World } from "../contract/metadata/world.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { sealRows } from "../support/row-secret.ts";

// An inventory page costs the part of the index that it visits, so these tests count the rows there.

let folder: string;
let world: World;
let database: DatabaseSync;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "inventory-index-test-"));
  world = new World(await openInlineStore(join(folder, "moraine.db")));
  database = new DatabaseSync(join(folder, "moraine.db"));
});
after(async () => {
  database.close();
  await world.store.close();
  await rm(folder, { recursive: true });
});

test("deleted archives leave the index that inventories read", async () => {
  const vault = await world.vault();
  for (let index = 0; index < 100; index += 1) {
    const { archive } = await world.archive(vault, { createdAt: start + index });
    if (index % 10 !== 0) {
      await world.removeArchive(vault, archive.id);
    }
  }
  await world.unlist();
  const indexed = database.prepare("SELECT count(*) AS rows FROM archives INDEXED BY archives_listed WHERE listed = 1");
  assert.equal(indexed.get()?.["rows"], 10);
});

test("an inventory knows when its newest archive was created, so its last page passes over none of the later ones", async () => {
  const vault = await world.vault("growing");
  const newest = database.prepare("SELECT inventory_newest_at AS at FROM vaults WHERE id = ?");
  await world.store.takeInventory({ vaultId: vault.id, now: start });
  assert.equal(newest.get(vault.id)?.["at"], 0);
  await world.archive(vault, { createdAt: start + 7 });
  await world.archive(vault, { createdAt: start + 5 });
  await world.store.takeInventory({ vaultId: vault.id, now: start + 10 });
  await world.archive(vault, { createdAt: start + 20 });
  assert.equal(newest.get(vault.id)?.["at"], start + 7);
  // Makes the time alone keep the later archive from the page.
  database.prepare("UPDATE archives SET created_revision = 1 WHERE created_at = ?").run(start + 20);
  sealRows(database);
  const page = { vaultId: vault.id, revision: 2, after: null, createdFrom: null, createdBefore: null, limit: 9 };
  assert.equal((await world.store.inventoryPage(page)).archives.length, 2);
});
