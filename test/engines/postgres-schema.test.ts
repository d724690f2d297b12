import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openInlineStore } from "../../packages/server/test/support/inline-store.ts";
import { missingEngine, startEngine } from "../support/engines/engine.ts";
import { connectDirectly, openTestNode } from "../support/engines/postgres-store.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Column {
  readonly table: string;
  readonly column: string;
  readonly kind: string;
  readonly isNullable: boolean;
}

/** Tables of one database alone: a cluster's, and the migrator's. */
const ofOneAlone = ["nodes", "bound_bucket", "copy_mark", "writer_turn", "kysely_migration", "kysely_migration_lock"];

test("PostgreSQL has the columns that SQLite has, of the same kinds", { skip: missingEngine("postgres") }, async () => {
  await using engine = await startEngine("postgres");
  const url = engine.variables["DATABASE_URL"] ?? "";
  const store = await openTestNode(url);
  await store.close();
  assert.deepEqual(await postgresColumns(url), await sqliteColumns());
});

async function postgresColumns(url: string): Promise<readonly Column[]> {
  await using client = await connectDirectly(url);
  const { rows } = await client.query(
    `select table_name, column_name, data_type, is_nullable, collation_name from information_schema.columns
      where table_schema = 'public'`,
  );
  for (const row of rows.filter(
    ({ data_type: type, table_name: table }) => type === "text" && !ofOneAlone.includes(table),
  )) {
    assert.equal(row.collation_name, "C", `${row.table_name}.${row.column_name} is compared bytewise`);
  }
  return sorted(
    rows.map((row) => ({
      table: row.table_name,
      column: row.column_name,
      kind: ({ text: "text", bytea: "bytes" } as Record<string, string>)[row.data_type] ?? "number",
      isNullable: row.is_nullable === "YES",
    })),
  );
}

async function sqliteColumns(): Promise<readonly Column[]> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/metadata.db`;
  const store = await openInlineStore(path);
  await store.close();
  using database = new DatabaseSync(path);
  const rows = database
    .prepare(
      `select tables.name as "table", columns.name as name, columns.type as type, "notnull" or pk > 0 as required
        from pragma_table_list tables, pragma_table_info(tables.name) columns where tables.schema = 'main'`,
    )
    .all();
  return sorted(
    rows.map((row) => ({
      table: String(row["table"]),
      column: String(row["name"]),
      kind: ({ text: "text", blob: "bytes" } as Record<string, string>)[String(row["type"]).toLowerCase()] ?? "number",
      isNullable: row["required"] === 0,
    })),
  );
}

function sorted(columns: readonly Column[]): readonly Column[] {
  return columns
    .filter(({ table }) => !ofOneAlone.includes(table) && !table.startsWith("sqlite_"))
    .sort((one, other) => `${one.table}.${one.column}`.localeCompare(`${other.table}.${other.column}`));
}
