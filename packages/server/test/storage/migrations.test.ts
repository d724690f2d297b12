import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { Migrator } from "kysely/migration";
import { up as initial } from "../../src/storage/metadata/migrations/0001-initial.ts";
import { type MigrateOptions, migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import { openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { rowSecret, testSecret } from "../support/row-secret.ts";

const key = { accountId: "123456789012" as AccountId, region: "us-east-1", vaultName: "photos" };
const nextName = "0002-settings";
const full = () => ({ bavail: 1, bsize: 4096, blocks: 1000 });

async function inFolder(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "migrations-test-"));
  try {
    await body(join(folder, "moraine.db"), folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A database as the first release left it, with a vault and an archive in it. */
async function makeOld(path: string): Promise<void> {
  const { database, db } = openWriting(path, true);
  const migrations = { "0001-initial": { up: initial } };
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest();
  assert.equal(error, undefined);
  database.exec(`
    INSERT INTO vaults (id, account_id, region, name, created_at, archive_count, archive_bytes, revision)
      VALUES ('inner', '${key.accountId}', 'us-east-1', 'photos', 7, 1, 10, 1);
    INSERT INTO archives (id, vault_id, description, size_bytes, tree_hash, created_at, created_revision)
      VALUES ('archive', 'inner', 'old', 10, '${"a".repeat(64)}', 8, 1);
  `);
  database.close();
}

async function migrateNow(path: string, statfs?: MigrateOptions["statfs"]): Promise<void> {
  const connection = openWriting(path, false);
  try {
    await migrate(connection, { mayCreate: false, secret: testSecret, ...(statfs && { statfs }) });
  } finally {
    connection.database.close();
  }
}

/** Without what SQLite keeps next to a database while somebody reads it. */
const filesIn = async (folder: string) => (await readdir(folder)).filter((name) => !/-(wal|shm)$/.test(name)).sort();

function read(path: string, statement: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare(statement).all();
  database.close();
  return rows.map((row) => ({ ...row }));
}

function edit(path: string, statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}

const applied = (path: string) =>
  read(path, "SELECT name FROM kysely_migration ORDER BY name").map((row) => (row as { name: string }).name);
const hasTags = (path: string) =>
  read(path, "SELECT * FROM pragma_table_info('vaults') WHERE name = 'tags'").length === 1;

test("a database of the first release keeps its rows, and gains settings that are not set", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    const store = await openSqliteStore({
      rowSecret,
      path,
      mayCreate: false,
      onFailure: (error) => {
        throw error;
      },
    });
    const vault = await store.findVault(key);
    assert.deepEqual(vault, {
      ...key,
      id: "inner",
      createdAt: 7,
      archiveCount: 1,
      archiveBytes: 10,
      revision: 1,
      accessVersion: 0,
      inventory: null,
      accessPolicy: null,
      lock: null,
      notifications: null,
      tags: {},
    });
    assert.equal((await store.findArchive({ vaultId: "inner", archiveId: "archive" }))?.description, "old");
    await store.addTags({ vaultId: "inner", vault: key, accessVersion: 0, tags: { a: "b" } });
    assert.deepEqual((await store.findVault(key))?.tags, { a: "b" });
    await store.close();
    assert.deepEqual(applied(path).slice(0, 2), ["0001-initial", nextName]);
  });
});

test("an older folder belongs to the account that was there first, and to the region of its vaults if they share one", async () => {
  const others = { accountId: "999999999999" as AccountId, region: "eu-west-1" };
  for (const [regions, region] of [
    [["us-east-1", "us-east-1"], "us-east-1"],
    [["us-east-1", "eu-west-1"], "eu-west-1"],
    [[], "eu-west-1"],
  ] as const) {
    await inFolder(async (path) => {
      await makeOld(path);
      const database = new DatabaseSync(path);
      database.exec("DELETE FROM archives; DELETE FROM vaults");
      database.exec(`INSERT INTO accounts (id, created_at) VALUES ('555555555555', 9), ('${key.accountId}', 5)`);
      for (const [index, name] of regions.entries()) {
        database.exec(`
          INSERT INTO vaults (id, account_id, region, name, created_at, archive_count, archive_bytes, revision)
            VALUES ('v${index}', '${key.accountId}', '${name}', 'vault${index}', 7, 0, 0, 0)`);
      }
      database.close();
      const store = await openSqliteStore({ path, mayCreate: false, rowSecret, onFailure: assert.ifError });
      const expected = { accountId: key.accountId, region, unshownKeyId: null };
      assert.deepEqual(await store.claimInstallation(others), expected);
      await store.close();
    });
  }
});

test("before it changes anything, the database is backed up: whole, of the old schema, and nobody else's to read", async () => {
  await inFolder(async (path, folder) => {
    await makeOld(path);
    await migrateNow(path);
    const backup = `${path}.before-${nextName}`;
    assert.equal((await stat(backup)).mode & 0o777, 0o600);
    assert.deepEqual(applied(backup), ["0001-initial"]);
    assert.equal(hasTags(backup), false);
    assert.deepEqual(read(backup, "SELECT id, name FROM vaults"), [{ id: "inner", name: "photos" }]);
    assert.deepEqual(read(backup, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    assert.equal(hasTags(path), true);
    assert.deepEqual(await filesIn(folder), ["moraine.db", `moraine.db.before-${nextName}`]);
  });
});

test("the backup is a database that the first release's schema can be migrated from again", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await migrateNow(path);
    const backup = `${path}.before-${nextName}`;
    await migrateNow(backup);
    assert.equal(hasTags(backup), true);
    assert.deepEqual(read(backup, "SELECT description FROM archives"), [{ description: "old" }]);
  });
});

test("the backup includes changes that are only in the log yet", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    const connection = openWriting(path, false);
    connection.database.exec("UPDATE vaults SET created_at = 99");
    assert.notEqual((await stat(`${path}-wal`)).size, 0);
    await migrate(connection, { mayCreate: false, secret: testSecret });
    connection.database.close();
    assert.deepEqual(read(`${path}.before-${nextName}`, "SELECT created_at FROM vaults"), [{ created_at: 99 }]);
  });
});

test("a backup from an earlier upgrade is replaced by one of the present database", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await migrateNow(path);
    // The operator goes back to the older version, as the documentation says, and works with it.
    await copyFile(`${path}.before-${nextName}`, path);
    edit(path, "UPDATE vaults SET created_at = 99");
    await migrateNow(path);
    assert.deepEqual(applied(`${path}.before-${nextName}`), ["0001-initial"]);
    assert.deepEqual(read(`${path}.before-${nextName}`, "SELECT created_at FROM vaults"), [{ created_at: 99 }]);
  });
});

test("an earlier backup is kept until the new one is complete", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await writeFile(`${path}.before-${nextName}`, "an earlier one");
    await mkdir(`${path}.before-${nextName}.partial`);
    await assert.rejects(migrateNow(path), /EISDIR/);
    assert.equal(await readFile(`${path}.before-${nextName}`, "utf8"), "an earlier one");
    assert.equal(hasTags(path), false);
  });
});

test("after a migration that failed, the next one is backed up with the old schema too", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    edit(path, "CREATE TABLE capacity_units (x TEXT)");
    await assert.rejects(migrateNow(path), /capacity_units/);
    edit(path, "DROP TABLE capacity_units");
    await migrateNow(path);
    assert.deepEqual(applied(`${path}.before-${nextName}`), ["0001-initial"]);
    assert.deepEqual(read(`${path}.before-${nextName}`, "SELECT id FROM archives"), [{ id: "archive" }]);
  });
});

test("half a backup that a crash left is not taken for one", async () => {
  await inFolder(async (path, folder) => {
    await makeOld(path);
    await writeFile(`${path}.before-${nextName}.partial`, "half of an earlier one", { mode: 0o644 });
    await migrateNow(path);
    assert.deepEqual(applied(`${path}.before-${nextName}`), ["0001-initial"]);
    assert.deepEqual(await filesIn(folder), ["moraine.db", `moraine.db.before-${nextName}`]);
  });
});

test("without room for twice the database nothing is changed, and the error names the room that is needed", async () => {
  await inFolder(async (path, folder) => {
    await makeOld(path);
    const { size } = await stat(path);
    await assert.rejects(migrateNow(path, full), /needs \d+ bytes of free space in .*, but there are 4096: make room/);
    assert.equal(hasTags(path), false);
    assert.deepEqual(applied(path), ["0001-initial"]);
    assert.deepEqual(await filesIn(folder), ["moraine.db"]);

    const room = (bavail: number) => () => ({ bavail, bsize: 1, blocks: 1_000_000 });
    await assert.rejects(migrateNow(path, room(2 * size - 1)), new RegExp(`needs ${2 * size} bytes`));
    await migrateNow(path, room(2 * size));
    assert.equal(hasTags(path), true);
  });
});

test("a file system that has no figure to give is believed to have room", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await migrateNow(path, () => ({ bavail: 0, bsize: 4096, blocks: 0 }));
    assert.equal(hasTags(path), true);
  });
});

test("a migration that fails leaves the old schema, and can be made again", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE capacity_units (x TEXT)");
    database.close();
    await assert.rejects(migrateNow(path), /capacity_units/);
    assert.equal(hasTags(path), false);
    assert.deepEqual(applied(path), ["0001-initial"]);
    const again = new DatabaseSync(path);
    again.exec("DROP TABLE capacity_units");
    again.close();
    await migrateNow(path);
    assert.equal(hasTags(path), true);
  });
});

test("a backup that cannot be written stops the migration", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await mkdir(`${path}.before-${nextName}.partial`);
    await assert.rejects(migrateNow(path), /EISDIR/);
    assert.equal(hasTags(path), false);
  });
});

test("a new database is not backed up", async () => {
  await inFolder(async (path, folder) => {
    closeSync(openSync(path, "w"));
    const connection = openWriting(path, true);
    await migrate(connection, { mayCreate: true, secret: testSecret, statfs: full });
    connection.database.close();
    assert.deepEqual(await filesIn(folder), ["moraine.db"]);
  });
});

test("the schema itself refuses a lock or a configuration that is half there", async () => {
  await inFolder(async (path) => {
    await makeOld(path);
    await migrateNow(path);
    const database = new DatabaseSync(path);
    const set = (assignments: string) => database.exec(`UPDATE vaults SET ${assignments}`);
    const lock = "lock_id = 'x', lock_policy = '{}', lock_created_at = 1";
    for (const half of [
      lock,
      "lock_state = 'locked'",
      `${lock}, lock_state = 'in_progress'`,
      `${lock}, lock_state = 'locked', lock_expires_at = 2`,
      `${lock}, lock_state = 'open', lock_expires_at = 2`,
      "lock_expires_at = 2",
      "notification_topic = 'x'",
      "notification_events = '[]'",
      "tags = NULL",
    ]) {
      assert.throws(() => set(half), /constraint failed/, half);
    }
    set(`${lock}, lock_state = 'in_progress', lock_expires_at = 2`);
    set("lock_state = 'locked', lock_expires_at = NULL");
    database.close();
  });
});
