import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type Kysely, sql } from "kysely";
import type { RowSecret } from "../../../domain/stores/identity-store.ts";
import { addTo, emptySum, livingDigest } from "../tables/row-macs/archive-sum.ts";
import { macOf, RowHasher, type SealedValues } from "../tables/row-macs/row-hasher.ts";
import { type SealedTableName, sealedTables } from "../tables/row-macs/sealed-columns.ts";

/** Rows that are read at a time, so that tables of any size are sealed in little memory. */
const stepRows = 1000;

/**
 * Gives each row a MAC, and each vault the sum of its archives' digests. Rows are taken as they are: from now on they cannot change
 * unseen. A database without a data key gets the one that the MACs' key is derived from.
 */
export async function up(db: Kysely<unknown>, database: DatabaseSync, { key, newDataKey }: RowSecret): Promise<void> {
  for (const table of presentTables(database)) {
    await db.schema.alterTable(table).addColumn("mac", "blob").execute();
  }
  const empty = sql.raw(`x'${Buffer.from(emptySum).toString("hex")}'`);
  await sql`alter table vaults add column archive_sum blob not null default ${empty}`.execute(db);
  await db.schema.alterTable("vaults").addColumn("inventory_archive_sum", "blob").execute();
  if (newDataKey !== null) {
    const { id, wrapped, createdAt } = newDataKey;
    await sql`insert into data_keys (id, wrapped, created_at) values (${id}, ${wrapped}, ${createdAt})`.execute(db);
  }
  sealAllRows(database, new RowHasher(key));
}

/** Seals all rows as they are. */
export function sealAllRows(database: DatabaseSync, hasher: RowHasher): void {
  const sums = new ArchiveSums(database, hasher);
  for (const table of presentTables(database)) {
    if (table !== "vaults") {
      sealTable(database, hasher, table, table === "archives" ? (row) => sums.add(row) : () => undefined);
    }
  }
  // The MACs of vaults cover their sums.
  sums.store(database);
  sealTable(database, hasher, "vaults", () => undefined);
}

/** Tables that later migrations add are missing here. */
function presentTables(database: DatabaseSync): SealedTableName[] {
  const present = new Set(namesOf(database, "SELECT name FROM sqlite_schema WHERE type = 'table'"));
  return (Object.keys(sealedTables) as SealedTableName[]).filter((table) => present.has(table));
}

/** Columns that later migrations add are null here. */
function selectedColumns(database: DatabaseSync, table: SealedTableName): readonly string[] {
  const present = new Set(namesOf(database, "SELECT name FROM pragma_table_info(?)", table));
  return sealedTables[table].columns.map((column) => (present.has(column) ? column : `NULL AS ${column}`));
}

const namesOf = (database: DatabaseSync, select: string, ...parameters: string[]): string[] =>
  database
    .prepare(select)
    .all(...parameters)
    .map(({ name }) => String(name));

function sealTable(
  database: DatabaseSync,
  hasher: RowHasher,
  table: SealedTableName,
  onRow: (row: SealedValues) => void,
): void {
  const place = placeOf(database, table);
  const order = place.join(", ");
  const marks = place.map(() => "?").join(", ");
  const columns = selectedColumns(database, table).join(", ");
  const places = place.map((column, index) => `${column} AS place${index}`).join(", ");
  const read = `SELECT ${places}, ${columns} FROM ${table}`;
  const first = database.prepare(`${read} ORDER BY ${order} LIMIT ${stepRows}`);
  const next = database.prepare(`${read} WHERE (${order}) > (${marks}) ORDER BY ${order} LIMIT ${stepRows}`);
  const update = database.prepare(
    `UPDATE ${table} SET mac = ? WHERE ${place.map((column) => `${column} = ?`).join(" AND ")}`,
  );
  for (let rows = first.all(); rows.length > 0; ) {
    let after: SQLInputValue[] = [];
    for (const row of rows) {
      after = place.map((_, index) => row[`place${index}`] as SQLInputValue);
      update.run(macOf(hasher.digest(table, row as SealedValues)), ...after);
      onRow(row as SealedValues);
    }
    rows = next.all(...after);
  }
}

/** Columns by which a table is in order on the disk. */
function placeOf(database: DatabaseSync, table: SealedTableName): readonly string[] {
  const listed = database.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?").get(table);
  return listed?.["wr"] === 1 ? sealedTables[table].key : ["rowid"];
}

interface Sums {
  readonly inventoryRevision: number | null;
  readonly now: Buffer;
  readonly inventory: Buffer;
}

/** The sums of all vaults, added up in one pass over the archives. */
class ArchiveSums {
  readonly #hasher: RowHasher;
  readonly #sums: ReadonlyMap<unknown, Sums>;

  constructor(database: DatabaseSync, hasher: RowHasher) {
    this.#hasher = hasher;
    const vaults = database.prepare("SELECT id, inventory_revision FROM vaults").all();
    this.#sums = new Map(
      vaults.map((vault) => [
        vault["id"],
        {
          inventoryRevision: vault["inventory_revision"] as number | null,
          now: Buffer.from(emptySum),
          inventory: Buffer.from(emptySum),
        },
      ]),
    );
  }

  add(archive: SealedValues): void {
    const sums = this.#sums.get(archive["vault_id"]);
    if (sums === undefined) {
      return;
    }
    const { inventoryRevision, now, inventory } = sums;
    const deletedRevision = archive["deleted_revision"] as number | null;
    const digest = livingDigest(this.#hasher, archive);
    if (deletedRevision === null) {
      addTo(now, digest);
    }
    const isListed = archive["listed"] === 1 && (archive["created_revision"] as number) <= (inventoryRevision ?? -1);
    if (isListed && (deletedRevision === null || deletedRevision > (inventoryRevision ?? -1))) {
      addTo(inventory, digest);
    }
  }

  store(database: DatabaseSync): void {
    const update = database.prepare("UPDATE vaults SET archive_sum = ?, inventory_archive_sum = ? WHERE id = ?");
    for (const [id, { inventoryRevision, now, inventory }] of this.#sums) {
      update.run(now, inventoryRevision === null ? null : inventory, id as string);
    }
  }
}
