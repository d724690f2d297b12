import { type RawBuilder, type SqlBool, sql } from "kysely";
import { overridingIdentity } from "./dialect.ts";
import type { SealedValue } from "./tables/row-macs/row-hasher.ts";
import { sealedTables } from "./tables/row-macs/sealed-columns.ts";
import type { Database, Schema } from "./tables/schema.ts";

// Rows as they are stored, of any table, in the order of their keys. Both databases give the same values in the same order.

export type StoredRow = Readonly<Record<string, SealedValue>>;

export interface StoredTable {
  readonly name: keyof Schema;
  /** The columns of its primary key, in the order of that. */
  readonly key: readonly string[];
}

/**
 * The keys of all tables but `history`, which is compared with a file next to its database. A table comes after those that its rows refer to, and
 * whose triggers change it.
 */
const keys: Readonly<Record<Exclude<keyof Schema, "history">, readonly string[]>> = {
  accounts: sealedTables.accounts.key,
  users: sealedTables.users.key,
  user_policies: sealedTables.user_policies.key,
  access_keys: sealedTables.access_keys.key,
  data_keys: sealedTables.data_keys.key,
  used_signatures: ["signature"],
  vaults: sealedTables.vaults.key,
  removed_vaults: sealedTables.removed_vaults.key,
  segments: sealedTables.segments.key,
  archives: sealedTables.archives.key,
  upload_requests: sealedTables.upload_requests.key,
  releases: sealedTables.releases.key,
  uploads: sealedTables.uploads.key,
  jobs: sealedTables.jobs.key,
  jobs_in_progress: ["account_id"],
  data_retrieval_policies: sealedTables.data_retrieval_policies.key,
  retrieved_bytes: sealedTables.retrieved_bytes.key,
  capacity_units: sealedTables.capacity_units.key,
  notifications: sealedTables.notifications.key,
  trusted_time: sealedTables.trusted_time.key,
  installation: sealedTables.installation.key,
  damage: ["owner_id", "first_byte", "segment_key"],
  scrub: ["id"],
  scrub_ranges: ["first_byte"],
  scrub_queue: ["sequence"],
  audit_entries: ["seq"],
  audit_state: ["id"],
};

/** Tables that a copy has all rows of, in the order in which they are copied. */
export const copiedTables: readonly StoredTable[] = Object.entries(keys).map(([name, key]) => ({
  name: name as keyof Schema,
  key,
}));

/** @param after the row before the page; null for the first page. */
export async function rowsAfter(
  db: Database,
  { name, key }: StoredTable,
  { after, limit }: { readonly after: StoredRow | null; readonly limit: number },
): Promise<StoredRow[]> {
  const where = after === null ? sql`` : sql`where ${compared(key, ">", after)}`;
  const query = sql<StoredRow>`select * from ${sql.table(name)} ${where} order by ${columns(key)} limit ${limit}`;
  return (await query.execute(db)).rows;
}

/** The rows after one row, up to and including another. */
export async function rowsBetween(
  db: Database,
  { name, key }: StoredTable,
  { after, last }: { readonly after: StoredRow | null; readonly last: StoredRow },
): Promise<StoredRow[]> {
  const begin = after === null ? sql`` : sql`${compared(key, ">", after)} and`;
  const query = sql<StoredRow>`select * from ${sql.table(name)} where ${begin} ${compared(key, "<=", last)}
    order by ${columns(key)}`;
  return (await query.execute(db)).rows;
}

/** Rows of one statement: a few numbers of them, since databases keep each statement that they have seen. */
const rowsAtOnce = [64, 8, 1] as const;

/** Inserts rows as they are, or replaces those of the same keys. */
export async function putRows(db: Database, table: StoredTable, rows: readonly StoredRow[]): Promise<void> {
  for (let rest = rows; rest.length > 0; ) {
    const count = rowsAtOnce.find((each) => each <= rest.length) ?? 1;
    await insertOrReplace(db, table, rest.slice(0, count));
    rest = rest.slice(count);
  }
}

/** A text of SQL: the query builder cannot give a row the number that the database would choose. */
async function insertOrReplace(db: Database, { name, key }: StoredTable, rows: readonly StoredRow[]): Promise<void> {
  const names = Object.keys(rows[0] ?? {});
  const values = rows.map((row) => sql`(${sql.join(names.map((column) => row[column] ?? null))})`);
  const changes = names
    .filter((column) => !key.includes(column))
    .map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`);
  const identity = name === "scrub_queue" ? overridingIdentity(db) : sql``;
  await sql`insert into ${sql.table(name)} (${columns(names)}) ${identity} values ${sql.join(values)}
    on conflict (${columns(key)}) do update set ${sql.join(changes)}`.execute(db);
}

export async function removeRow(db: Database, { name, key }: StoredTable, row: StoredRow): Promise<void> {
  await db
    .deleteFrom(name)
    .where(compared(key, "=", row))
    .execute();
}

/** Frees the place of a segment, which another may have now. */
export async function clearPlace(db: Database, { key }: StoredTable, row: StoredRow): Promise<void> {
  await db
    .updateTable("segments")
    .set({ first_byte: null })
    .where(compared(key, "=", row))
    .execute();
}

/** The row as one text: equal for equal rows of both databases, and for no others. */
export function textOfRow(row: StoredRow): string {
  const values = Object.keys(row)
    .sort((one, other) => (one < other ? -1 : 1))
    .map((column) => {
      const value = row[column] ?? null;
      return value instanceof Uint8Array ? [Buffer.from(value).toString("hex")] : value;
    });
  return JSON.stringify(values);
}

/** The key of a row as one text. */
export const keyTextOf = ({ key }: StoredTable, row: StoredRow): string =>
  textOfRow(Object.fromEntries(key.map((column, index) => [index, row[column] ?? null])));

const columns = (names: readonly string[]): RawBuilder<unknown> => sql.join(names.map((name) => sql.ref(name)));

function compared(key: readonly string[], operator: "<=" | ">" | "=", row: StoredRow): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${columns(key)}) ${sql.raw(operator)} (${sql.join(key.map((column) => row[column] ?? null))})`;
}
