import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { after, before, test } from "node:test";
import {
  type SealedTableName,
  sealedTables,
} from "../packages/server/src/storage/metadata/tables/row-macs/sealed-columns.ts";
import type { Finding } from "../packages/server/src/verify/finding.ts";
import { Random } from "./support/random.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { findingsIn } from "./support/verify/look.ts";

// Values of rows are edited by SQL while no server runs, in columns and rows that follow from a seed. ROW_EDITS says how many,
// ROW_EDITS_SEED which. Among those of the default one are owners of segments that are no ids.

const count = Number(process.env["ROW_EDITS"] ?? 60);
const seed = Number(process.env["ROW_EDITS_SEED"] ?? 633773963);

type Row = Readonly<Record<string, SQLInputValue>>;

interface Edit {
  readonly table: SealedTableName;
  readonly column: string;
  /** The row before. */
  readonly row: Row;
  readonly value: SQLInputValue;
}

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

test(`names each of ${count} edited rows (seed ${seed})`, async (t) => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  const database = join(path, "moraine.db");
  assert.deepEqual(await findingsIn(path, "quick"), []);
  const unnamed: string[] = [];
  const columns = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    await copyFile(join(folders.stopped, "moraine.db"), database);
    const edit = editIn(database, new Random(seed + index));
    columns.add(`${edit.table}.${edit.column}`);
    const findings = await findingsIn(path, "quick");
    if (!findings.some((finding) => names(finding, edit))) {
      unnamed.push(`${edit.table}.${edit.column} = ${textOf(edit.value)}: found ${JSON.stringify(findings)}`);
    }
  }
  t.diagnostic(
    JSON.stringify({ rig: "row-edits", seed, edits: count, columns: columns.size, unnamed: unnamed.length }),
  );
  assert.deepEqual(unnamed, []);
});

test("names an archive whose deletion is no number", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  using database = new DatabaseSync(join(path, "moraine.db"));
  database.exec("PRAGMA ignore_check_constraints = ON");
  const { id } =
    database.prepare("UPDATE archives SET deleted_revision = 'x' RETURNING hex(id_head) AS id").get() ?? {};
  database.close();
  const findings = await findingsIn(path, "quick");
  assert.ok(
    findings.some(({ code, message }) => code === "row-changed" && message.includes(String(id).toLowerCase())),
    JSON.stringify(findings),
  );
});

test("ends one check alone when the schema names a column otherwise", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  using database = new DatabaseSync(join(path, "moraine.db"));
  database.exec("ALTER TABLE jobs RENAME COLUMN output_key TO output_kez");
  database.close();
  const codes = (await findingsIn(path, "quick")).map(({ code }) => code);
  assert.ok(codes.includes("database-unreadable"), codes.join());
});

/** Whether the finding says which row was edited; without a data key it can only say that. */
function names({ code, message }: Finding, { table, column, row }: Edit): boolean {
  if (table === "data_keys" && code === "secrets") {
    return true;
  }
  const keys = sealedTables[table].key.filter((key) => key !== column);
  const named = keys.map((key) => {
    const value = row[key];
    return `${key} ${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value}`;
  });
  return (
    code === "row-changed" &&
    message.startsWith(`a row of the table ${table} `) &&
    named.every((name) => message.includes(name))
  );
}

/** Changes one value of a row of a table that has MACs. */
function editIn(path: string, random: Random): Edit {
  using database = new DatabaseSync(path);
  database.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
  const tables = (Object.keys(sealedTables) as SealedTableName[]).filter(
    (table) => database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined,
  );
  for (;;) {
    const table = chosen(tables, random);
    const rows = database.prepare(`SELECT * FROM ${table} ORDER BY ${sealedTables[table].key.join(", ")}`).all();
    const row = chosen(rows, random) as Row;
    const column = chosen([...sealedTables[table].columns, "mac"], random);
    const before = row[column] ?? null;
    const value = chosen([...rows.map((other) => other[column] ?? null), ...changesOf(before, random)], random);
    const key = sealedTables[table].key;
    const where = key.map((name) => `${name} = ?`).join(" AND ");
    try {
      const stored = database
        .prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where} RETURNING ${column} AS value`)
        .get(value, ...key.map((name) => row[name] ?? null));
      // A number in quotes is stored as the number that was there.
      if (textOf(stored?.["value"] ?? null) !== textOf(before)) {
        return { table, column, row, value };
      }
    } catch (error) {
      // A null, a key of another type or a second row with one key, which the database itself refuses.
      assert.match((error as Error).message, /constraint failed|datatype mismatch/);
    }
  }
}

/** The same for the same value of the same type. */
const textOf = (value: SQLInputValue): string =>
  value instanceof Uint8Array ? `x'${Buffer.from(value).toString("hex")}'` : JSON.stringify(value);

/** Other values of the same type, and some of others. */
function changesOf(value: SQLInputValue, random: Random): SQLInputValue[] {
  if (value instanceof Uint8Array) {
    const flipped = Buffer.from(value);
    const at = random.whole(0, Math.max(0, value.length - 1));
    flipped[at] = (flipped[at] ?? 0) ^ (1 << random.whole(0, 7));
    return [flipped, value.subarray(1), Buffer.concat([value, Buffer.of(0)]), null];
  }
  if (typeof value === "string") {
    return [`${value}x`, value.slice(1), value.toUpperCase(), "", Buffer.from(value), null];
  }
  if (typeof value === "number") {
    return [value + 1, value - 1, -value, 0, value * 1.5, String(value), null];
  }
  return [0, 1, "", "x", random.whole(0, 1e12), Buffer.alloc(0)];
}

function chosen<Value>(values: readonly Value[], random: Random): Value {
  const value = random.oneOf(values);
  assert.ok(value !== undefined);
  return value;
}
