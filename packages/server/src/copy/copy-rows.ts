import { nextPlace } from "../domain/stores/next-place.ts";
import {
  clearPlace,
  copiedTables,
  keyTextOf,
  putRows,
  removeRow,
  rowsAfter,
  rowsBetween,
  type StoredRow,
  type StoredTable,
  textOfRow,
} from "../storage/metadata/table-rows.ts";
import type { Database } from "../storage/metadata/tables/schema.ts";
import type { CopySource, CopyTarget } from "./place.ts";

/** Bounds the memory of a page: rows have some KiB at most. */
const pageRows = 200;

export const segmentsTable = copiedTables.find(({ name }) => name === "segments") as StoredTable;

/** Tables to which triggers add rows while others are copied. */
const ofTriggers: ReadonlySet<string> = new Set(["jobs_in_progress", "scrub_queue"]);

/** States of segments whose bytes have to be there. */
const keptStates: ReadonlySet<unknown> = new Set(["live", "suspect", "deleted"]);

/** Whether the bytes of the segment are copied: those of others may or may not exist, and nothing refers to them. */
export const hasBytes = ({ state }: StoredRow): boolean => keptStates.has(state);

/** Rows that follow each other at the source, with those that the target has of them by now. */
export interface RowPage {
  readonly rows: readonly StoredRow[];
  /** By the row's key: see `keyTextOf`. */
  readonly copied: ReadonlyMap<string, StoredRow>;
}

export async function* pagesOf(
  { source, target }: { readonly source: Database; readonly target: Database },
  table: StoredTable,
): AsyncGenerator<RowPage, void, void> {
  let after: StoredRow | null = null;
  for await (const rows of rowPages(source, table)) {
    const last: StoredRow | undefined = rows.at(-1);
    const found: readonly StoredRow[] = last === undefined ? [] : await rowsBetween(target, table, { after, last });
    yield { rows, copied: new Map(found.map((row) => [keyTextOf(table, row), row])) };
    after = last ?? after;
  }
}

export async function* rowPages(db: Database, table: StoredTable): AsyncGenerator<readonly StoredRow[], void, void> {
  let after: StoredRow | null = null;
  do {
    const rows: readonly StoredRow[] = await rowsAfter(db, table, { after, limit: pageRows });
    yield rows;
    const last = rows.at(pageRows - 1);
    if (after !== null && last !== undefined) {
      nextPlace(placeOf(table, after), placeOf(table, last));
    }
    after = last ?? null;
  } while (after !== null);
}

const placeOf = ({ key }: StoredTable, row: StoredRow) => key.map((column) => row[column] ?? null);

/** Copies the rows of a table that the target does not have as they are. @param onRow called with each row of the source. */
export async function copyRows(
  { source, target }: { readonly source: CopySource; readonly target: CopyTarget },
  table: StoredTable,
  onRow: (row: StoredRow) => void,
): Promise<void> {
  if (ofTriggers.has(table.name)) {
    await removeSurplus({ source, target }, table);
  }
  for await (const { rows, copied } of pagesOf({ source: source.db, target: target.db }, table)) {
    rows.forEach(onRow);
    const missing = rows.filter((row) => !isSame(copied.get(keyTextOf(table, row)), row));
    if (missing.length > 0) {
      await target.write((db) => putRows(db, table, missing));
    }
  }
}

export const isSame = (one: StoredRow | undefined, other: StoredRow): boolean =>
  one !== undefined && textOfRow(one) === textOfRow(other);

/**
 * Prepares a target of which the source may have changed since: rows go that the source no longer has. Those that refer to others go
 * first.
 */
export async function removeAllSurplus(ends: { readonly source: CopySource; readonly target: CopyTarget }) {
  for (const table of copiedTables.toReversed()) {
    await removeSurplus(ends, table);
  }
}

async function removeSurplus(
  { source, target }: { readonly source: CopySource; readonly target: CopyTarget },
  table: StoredTable,
): Promise<void> {
  const isOfSegments = table === segmentsTable;
  for await (const { rows, copied } of pagesOf({ source: target.db, target: source.db }, table)) {
    const differing = rows.filter((row) => !isSame(copied.get(keyTextOf(table, row)), row));
    // A place that a segment had may be another's now. A segment whose bytes were not copied is as good as none.
    const placed = differing.filter((row) => isOfSegments && hasBytes(row) && copied.has(keyTextOf(table, row)));
    const surplus = differing.filter((row) => !copied.has(keyTextOf(table, row)) || (isOfSegments && !hasBytes(row)));
    if (differing.length > 0) {
      await target.write(async (db) => {
        for (const row of surplus) {
          await removeRow(db, table, row);
        }
        for (const row of placed) {
          await clearPlace(db, table, row);
        }
      });
    }
  }
}
