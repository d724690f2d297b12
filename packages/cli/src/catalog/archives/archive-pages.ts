import type { SQLInputValue } from "node:sqlite";
import type { CatalogDatabase } from "../catalog-database.ts";
import type { FilterSql } from "./archive-filter.ts";
import { type ArchiveRow, archiveColumns } from "./archive-row.ts";

/** A place in an order: after the archive with this key and number. */
export interface Position {
  readonly key: number | string;
  readonly number: number;
}

export interface ArchiveOrder {
  /** The indexed expression that archives are ordered by, and by their numbers where it is equal. */
  readonly key: string;
  /** The condition of the index. */
  readonly condition: string;
  readonly start: Position;
}

export const orders = {
  creation: { key: "created_at", condition: "true", start: { key: Number.MIN_SAFE_INTEGER, number: 0 } },
  creationOfUnlisted: {
    key: "created_at",
    condition: "state <> 0",
    start: { key: Number.MIN_SAFE_INTEGER, number: 0 },
  },
  path: { key: "ifnull(path, description)", condition: "true", start: { key: "", number: 0 } },
} as const satisfies Readonly<Record<string, ArchiveOrder>>;

/** Rows that one statement looks at: some milliseconds, so that a filter without matches does not block the event loop. */
const pageSize = 2000;

export interface ArchivePage {
  readonly rows: readonly ArchiveRow[];
  /** The position after the last row looked at; null after the last page. */
  readonly end: Position | null;
}

/**
 * Reads the next page of archives in an order. Looks at no more than `pageSize` rows, so it may have none though more follow.
 *
 * @param until an upper bound of the key, which is not read any more.
 */
export function readPage(
  database: CatalogDatabase,
  order: ArchiveOrder,
  {
    after,
    filter,
    until,
  }: { readonly after: Position; readonly filter: FilterSql; readonly until: Position["key"] | null },
): ArchivePage {
  const page = pageSql(order, until);
  const bounds: SQLInputValue[] = [after.key, after.number, after.key, ...(until === null ? [] : [until])];
  const end = database.get<Position>(`SELECT key, number FROM (${page}) LIMIT 1 OFFSET ${pageSize - 1}`, ...bounds);
  const rows = database.all<ArchiveRow>(
    `SELECT ${archiveColumns} FROM (${page}) JOIN archives USING (number) WHERE ${filter.condition} ORDER BY key, number`,
    ...bounds,
    ...filter.values,
  );
  return { rows, end: end ?? null };
}

/** Two searches, since SQLite does not search an index for a key together with a number of a row. */
function pageSql({ key, condition }: ArchiveOrder, until: Position["key"] | null): string {
  const sameKey = `SELECT number, ${key} AS key FROM archives WHERE ${condition} AND ${key} = ? AND number > ? ORDER BY number`;
  const bound = until === null ? "" : ` AND ${key} < ?`;
  const laterKeys = `SELECT number, ${key} AS key FROM archives WHERE ${condition} AND ${key} > ?${bound} ORDER BY ${key}, number`;
  return `SELECT number, key FROM (
    SELECT * FROM (${sameKey} LIMIT ${pageSize}) UNION ALL SELECT * FROM (${laterKeys} LIMIT ${pageSize})
  ) ORDER BY key, number LIMIT ${pageSize}`;
}
