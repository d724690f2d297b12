import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import {
  type SealedTableName,
  sealedTables,
  unsealedTables,
} from "../../src/storage/metadata/tables/row-macs/sealed-columns.ts";
import type { Answers } from "../support/full-database.ts";
import { testSecret } from "../support/row-secret.ts";
import { type Seen, Tampering } from "../support/tampering.ts";

// Rows of the metadata are changed behind the service's back. None is used: not for an answer, and not for a decision.

let tampering: Tampering;
let sound: Answers;

before(async () => {
  tampering = await Tampering.start();
  const seen = await tampering.seenAfter(() => undefined);
  assert.deepEqual([seen.named, seen.met], [[], []], "nothing is damaged at first");
  sound = seen.answers;
  const empty = Object.entries(sound).filter(([, answer]) => /^(refused|failed|\[\])/.test(answer));
  assert.deepEqual(empty, [], "each read finds something");
});

after(() => tampering[Symbol.asyncDispose]());

const seenAfter = (change: (database: DatabaseSync) => void): Promise<Seen> =>
  tampering.seenAfter((path) => {
    const database = new DatabaseSync(path);
    database.exec("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
    change(database);
    database.close();
  });

test("each table of the schema has MACs over all of its columns, or is named as left out", () => {
  using database = new DatabaseSync(tampering.original, { readOnly: true });
  const tables = database
    .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    .all()
    .map(({ name }) => String(name))
    .filter((name) => !/^(sqlite|kysely)_/.test(name));
  assert.deepEqual(tables.sort(), [...Object.keys(sealedTables), ...unsealedTables].sort());
  for (const [table, sealed] of Object.entries(sealedTables)) {
    const columns = database.prepare("SELECT name FROM pragma_table_info(?)").all(table);
    const covered = [...sealed.columns, ...("leftOut" in sealed ? sealed.leftOut : []), "mac"];
    assert.deepEqual(columns.map(({ name }) => String(name)).sort(), covered.sort(), table);
    const count = database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"];
    assert.ok(Number(count) > 0, `${table} has rows`);
  }
});

test("docs/storage-format.md lists the columns of each table in the order of the MAC", async () => {
  const page = await readFile(new URL("../../../../docs/storage-format.md", import.meta.url), "utf8");
  const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
  for (const [table, sealed] of Object.entries(sealedTables)) {
    const leftOut = "leftOut" in sealed ? sealed.leftOut : [];
    const line = `| \`${table}\` | ${quoted(sealed.columns)} | ${quoted(leftOut)} |`;
    assert.ok(page.includes(line), line);
  }
});

test("a MAC is that of docs/storage-format.md, computed by other code", () => {
  using database = new DatabaseSync(tampering.original, { readOnly: true });
  for (const [table, { columns }] of Object.entries(sealedTables)) {
    for (const row of database.prepare(`SELECT * FROM ${table}`).all()) {
      const text = Buffer.concat([
        Buffer.of(table.length),
        Buffer.from(table),
        Buffer.of(columns.length),
        ...columns.map((column) => encoded(row[column] ?? null)),
      ]);
      const digest = createHmac("sha256", testSecret.key).update(text).digest();
      assert.deepEqual(Buffer.from(row["mac"] as Uint8Array), digest.subarray(0, 16), table);
    }
  }
});

function encoded(value: SQLInputValue): Buffer {
  const sized = (tag: number, bytes: Buffer) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(tag);
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  };
  if (value === null) {
    return Buffer.of(0);
  }
  if (typeof value === "string") {
    return sized(3, Buffer.from(value));
  }
  if (typeof value === "object") {
    return sized(4, Buffer.from(value as Uint8Array));
  }
  const number = Buffer.alloc(9);
  number.writeUInt8(1);
  number.writeBigInt64BE(BigInt(value), 1);
  return number;
}

/** Columns by which rows are found: with another value calls pass over the row, and only the check can notice it. */
const findsBy: Partial<Record<SealedTableName, readonly string[]>> = {
  user_policies: ["user_id"],
  upload_requests: ["key"],
  uploads: ["vault_id"],
  jobs: ["vault_id"],
  data_retrieval_policies: ["account_id", "region"],
  retrieved_bytes: ["account_id", "region", "day"],
  capacity_units: ["account_id", "region"],
  notifications: ["account_id"],
};

/** Other values that the table's constraints admit. */
const admitted: Readonly<Record<string, string>> = {
  "access_keys.active": "1 - active",
  "archives.listed": "iif(deleted_at IS NULL, 1, 1 - listed)",
  "segments.state": "iif(state = 'live', 'suspect', 'live')",
  "uploads.state": "iif(state = 'open', 'completed', 'open')",
  "jobs.state": "iif(state = 'failed', 'succeeded', 'failed')",
  "data_retrieval_policies.strategy": "'None'",
};

describe("a change of one column is refused, and named by the check", () => {
  for (const [table, { columns }] of Object.entries(sealedTables)) {
    for (const column of [...columns, "mac"]) {
      test(`${table}.${column}`, async () => {
        const seen = await seenAfter((database) => changeOne(database, table, column)).catch((error: Error) => error);
        if (seen instanceof Error) {
          assert.match(seen.message, /^The database is damaged: CHECK constraint failed/, "a start refuses it");
          return;
        }
        const { named, met, answers } = seen;
        assert.ok(
          named.some((finding) => finding.startsWith(`${table}: `)),
          JSON.stringify(named),
        );
        const refused = met.length > 0 || Object.values(answers).includes("refused");
        const isFoundBy = findsBy[table as SealedTableName]?.includes(column) === true;
        assert.ok(refused || isFoundBy, `${table}.${column} is used as it is`);
      });
    }
  }
});

/** Changes all rows of the table. */
function changeOne(database: DatabaseSync, table: string, column: string): void {
  const changed =
    admitted[`${table}.${column}`] ??
    `CASE typeof(${column})
      WHEN 'integer' THEN ${column} + 1
      WHEN 'text' THEN ${column} || 'x'
      WHEN 'blob' THEN CAST(${column} || x'01' AS blob)
      ELSE abs(random()) % 1000000 END`;
  // In an order in which no two rows have one key meanwhile.
  const order = table === "segments" && column === "first_byte" ? "ORDER BY first_byte DESC" : "";
  const key = sealedTables[table as SealedTableName].key[0];
  const keys = database.prepare(`SELECT ${key} AS key FROM ${table} ${order}`).all();
  for (const row of keys) {
    database.prepare(`UPDATE ${table} SET ${column} = ${changed} WHERE ${key} = ?`).run(row["key"] as SQLInputValue);
  }
  assert.ok(keys.length > 0);
}

test("a row without a MAC is refused", async () => {
  const { answers } = await seenAfter((database) => database.exec("UPDATE vaults SET mac = NULL"));
  assert.equal(answers["findVault"], "refused");
  assert.equal(answers["addTags"], "refused");
});

test("a row is refused when a flipped bit has given a column another name, whose value counted as null", async () => {
  const { answers } = await tampering.seenAfter((path) => {
    const bytes = readFileSync(path);
    const at = bytes.indexOf("lock_expires_at");
    // The case of a letter.
    bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    writeFileSync(path, bytes);
  });
  assert.equal(answers["findVault"], "refused");
});

test("a row's content under another row's key is refused, with its MAC too", async () => {
  const [one, other] = tampering.full.archiveIds;
  const { answers } = await seenAfter((database) => {
    const heads = database.prepare("SELECT id_head FROM archives ORDER BY rowid").all();
    const columns = sealedTables.archives.columns.filter((column) => column !== "id_head" && column !== "id_tail");
    const set = [...columns, "mac"].map((column) => `${column} = source.${column}`).join(", ");
    database
      .prepare(
        `UPDATE archives SET ${set} FROM (SELECT * FROM archives WHERE id_head = ?) AS source WHERE archives.id_head = ?`,
      )
      .run(heads[1]?.["id_head"] as Uint8Array, heads[0]?.["id_head"] as Uint8Array);
  });
  assert.ok(one !== other);
  assert.equal(answers["findArchive 0"], "refused");
  assert.equal(answers["inventoryPage"], "refused");
});

test("an access key of another folder is refused", async () => {
  const { answers } = await seenAfter((database) => {
    const row = database.prepare("SELECT mac FROM access_keys WHERE id = 'AKIAROOT'").get();
    const foreign = Buffer.from(row?.["mac"] as Uint8Array).map((byte) => byte ^ 0xff);
    database.prepare("UPDATE access_keys SET mac = ? WHERE id = 'AKIAROOT'").run(foreign);
  });
  assert.equal(answers["findAccessKey AKIAROOT"], "refused");
  assert.equal(answers["findAccessKey AKIAUSER"], sound["findAccessKey AKIAUSER"]);
});

describe("archives that are missing or added are noticed by the check", () => {
  const changes: Record<string, (database: DatabaseSync) => void> = {
    "a row that is deleted": (database) => database.exec("DELETE FROM archives WHERE description = 'first'"),
    "a row that is put back as it was before its deletion": (database) => restoreDeleted(database),
    "the row of the vault that is deleted": (database) => database.exec("DELETE FROM vaults WHERE name = 'photos'"),
  };
  for (const [what, change] of Object.entries(changes)) {
    test(what, async () => {
      const { named } = await seenAfter(change);
      assert.ok(
        named.some((finding) => /of the vault with id|is missing/.test(finding)),
        JSON.stringify(named),
      );
    });
  }
});

/** Gives the deleted archive the row and the MAC that it had while it lived. */
function restoreDeleted(database: DatabaseSync): void {
  const row = database.prepare("SELECT * FROM archives WHERE description = 'third'").get();
  const living = { ...row, deleted_at: null, deleted_revision: null, listed: 1 };
  const { columns } = sealedTables.archives;
  const text = Buffer.concat([
    Buffer.of(8),
    Buffer.from("archives"),
    Buffer.of(columns.length),
    ...columns.map((column) => encoded((living as Record<string, SQLInputValue>)[column] ?? null)),
  ]);
  const mac = createHmac("sha256", testSecret.key).update(text).digest().subarray(0, 16);
  database
    .prepare(
      "UPDATE archives SET deleted_at = NULL, deleted_revision = NULL, listed = 1, mac = ? WHERE description = 'third'",
    )
    .run(mac);
}
