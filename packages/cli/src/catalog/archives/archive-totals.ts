import type { SQLInputValue } from "node:sqlite";
import type { CatalogDatabase } from "../catalog-database.ts";

/** The archives of sizes from `sizeBytesMin` to less than twice that; those of 0 bytes are by themselves. */
export interface SizeClass {
  readonly sizeBytesMin: number;
  archives: number;
  bytes: number;
}

export interface ArchiveTotals {
  archives: number;
  bytes: number;
  /** The classes that have archives, from small to large. */
  readonly bySize: SizeClass[];
}

export const emptyTotals = (): ArchiveTotals => ({ archives: 0, bytes: 0, bySize: [] });

/** Rows that one statement looks at: some milliseconds. */
const pageSize = 20_000;

/** Adds the archives of the next page of numbers to the totals. Returns the number after which to continue, or null after the last. */
export function sumPage(
  database: CatalogDatabase,
  totals: ArchiveTotals,
  page: { readonly after: number; readonly condition: string; readonly values: readonly SQLInputValue[] },
): number | null {
  const rows = database.all<{ size_class: number; archives: number; bytes: number }>(
    `SELECT iif(size_bytes = 0, -1, CAST(log2(size_bytes) AS INTEGER)) AS size_class, count(*) AS archives, sum(size_bytes) AS bytes
     FROM archives WHERE number > ? AND number <= ? AND ${page.condition} GROUP BY size_class`,
    page.after,
    page.after + pageSize,
    ...page.values,
  );
  for (const row of rows) {
    addTo(totals, row.size_class < 0 ? 0 : 2 ** row.size_class, row);
  }
  const next = database.get<{ number: number | null }>(
    "SELECT min(number) AS number FROM archives WHERE number > ?",
    page.after + pageSize,
  );
  return next?.number ? next.number - 1 : null;
}

function addTo(
  totals: ArchiveTotals,
  sizeBytesMin: number,
  { archives, bytes }: { readonly archives: number; readonly bytes: number },
): void {
  totals.archives += archives;
  totals.bytes += bytes;
  const at = totals.bySize.findIndex((known) => known.sizeBytesMin >= sizeBytesMin);
  const known = totals.bySize[at];
  if (known?.sizeBytesMin === sizeBytesMin) {
    known.archives += archives;
    known.bytes += bytes;
  } else {
    totals.bySize.splice(at < 0 ? totals.bySize.length : at, 0, { sizeBytesMin, archives, bytes });
  }
}
