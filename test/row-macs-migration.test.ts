import assert from "node:assert/strict";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { createTables } from "../packages/server/src/storage/metadata/migrations/migrate.ts";
import { openWriting } from "../packages/server/src/storage/metadata/sqlite/sqlite-connection.ts";
import { openInlineStore } from "../packages/server/test/support/inline-store.ts";
import { findingsIn } from "../packages/server/test/support/tampering.ts";
import { DiskModel, nothingUnsynced } from "./support/disk-rig/disk-model.ts";
import { spawnChild } from "./support/disk-rig/metadata-run.ts";
import { DiskRig } from "./support/disk-rig/rig.ts";
import { endingOf } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A process is killed while it gives the rows of an older database their MACs. A restart, and a restart after a power cut at that
// moment, must find every row as it was, and seal it.

const killsOfFile = { "moraine.db.before-0015-row-macs.partial": 2, "moraine.db-wal": 6, "moraine.db": 2 } as const;
/** More rows than are sealed at a time. */
const [vaults, archives] = [3, 400];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let old: string;
/** Paths of the writes of a migration that is not killed. */
let paths: readonly string[];

before(async () => {
  folder = await temporaryFolder();
  old = join(folder.path, "old.db");
  await makeOld(old);
  paths = await migrate(null);
});
after(() => folder[Symbol.asyncDispose]());

for (const [file, kills] of Object.entries(killsOfFile)) {
  test(`no row is lost or stays without a MAC when a write of ${file} is the last`, async (t) => {
    const writes = paths.filter((path) => path.endsWith(`/${file}`)).length;
    assert.ok(writes >= kills, `only ${writes} writes`);
    for (let kill = 0; kill < kills; kill += 1) {
      // The first, the last, and others evenly between them.
      await migrate({ file, write: 1 + Math.round((kill * (writes - 1)) / (kills - 1)) });
    }
    t.diagnostic(`${kills} of ${writes} writes`);
  });
}

/**
 * Migrates a copy of the old database in a process, and compares the rows.
 * @param kill the write before which it is killed; null for no kill.
 * @returns the paths of its writes.
 */
async function migrate(kill: { file: string; write: number } | null): Promise<string[]> {
  await using run = await temporaryFolder();
  const root = join(run.path, "data");
  await mkdir(root);
  const path = join(root, "moraine.db");
  await copyFile(old, path);
  const model = await DiskModel.of(root);
  const rig = await DiskRig.create(run.path, root);
  if (kill !== null) {
    await rig.fail({ call: "write", pattern: `*/${kill.file}`, first: kill.write, count: 1, outcome: "killed before" });
  }
  const { code, signal, stderr } = await endingOf(spawnChild([path], rig));
  assert.deepEqual([code, signal], kill === null ? [0, null] : [null, "SIGKILL"], stderr);
  const events = await rig.events();
  for (const event of events) {
    model.apply(event);
  }
  const image = join(run.path, "image");
  await model.materialize(image, nothingUnsynced);
  for (const [when, database] of [
    ["a restart", path],
    ["a power cut", join(image, "moraine.db")],
  ] as const) {
    await (await openInlineStore(database)).close();
    assert.deepEqual(findingsIn(database), [], `${when}, killed before ${kill?.write}`);
    assert.deepEqual(oldContentOf(database), oldContentOf(old), `${when}, killed before ${kill?.write}`);
  }
  return events.filter(({ kind }) => kind === "write").map((event) => event.path);
}

/** A database as the release before wrote it, with rows. */
async function makeOld(path: string): Promise<void> {
  const connection = openWriting(path, true);
  await createTables(connection, true);
  connection.database.exec(`
    INSERT INTO accounts (id, created_at) VALUES ('123456789012', 1);
    INSERT INTO access_keys (id, account_id, sealed_secret, created_at) VALUES ('AKIA', '123456789012', zeroblob(60), 1);
    INSERT INTO vaults (id, account_id, region, name, created_at, archive_count, archive_bytes, revision)
      WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${vaults})
      SELECT 'id ' || n, '123456789012', 'us-east-1', 'vault ' || n, n, ${archives}, 10 * ${archives}, ${archives} FROM n;
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${archives})
      INSERT INTO archives
        SELECT CAST(printf('%s %010d', vaults.id, n) AS blob), zeroblob(88), vaults.id, 'archive ' || n, 10, zeroblob(32), n, n,
          NULL, NULL, 1 FROM vaults, n;
    INSERT INTO segments (name, owner_head, owner_tail, state, first_byte, size_bytes, tree_hash)
      SELECT CAST(substr(id_head, 3) AS blob), id_head, id_tail, 'live', 0, 10, tree_hash FROM archives;`);
  connection.database.close();
}

/** All rows of the old tables, with the columns that those had. */
function oldContentOf(path: string): unknown {
  using earlier = new DatabaseSync(old, { readOnly: true });
  using database = new DatabaseSync(path, { readOnly: true });
  const tables = earlier
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'kysely%'")
    .all();
  return tables.map(({ name }) => {
    const columns = earlier.prepare("SELECT name FROM pragma_table_info(?)").all(name as string);
    const list = columns.map((column) => String(column["name"])).join(", ");
    return [name, database.prepare(`SELECT ${list} FROM ${name} ORDER BY ${list}`).all()];
  });
}
