import type { Position } from "./archives/archive-pages.ts";
import { CatalogError, rebuildHint } from "./catalog-error.ts";

/**
 * Returns the number of a page's last row, from which on the next page is read. Throws CatalogError when the rows are not in order, as only
 * those of a damaged catalogue are: it could be read without end.
 */
export function nextNumber(after: number, last: number): number {
  assertAfter(last > after);
  return last;
}

/** The same of the last position of a page; null after the last page. */
export function nextPosition(after: Position, end: Position | null): Position | null {
  if (end !== null) {
    const difference = compareKeys(end.key, after.key);
    assertAfter(difference > 0 || (difference === 0 && end.number > after.number));
  }
  return end;
}

function assertAfter(isAfter: boolean): void {
  if (!isAfter) {
    throw new CatalogError(`The catalogue is damaged (its rows are not in order): ${rebuildHint}`);
  }
}

/** Compares as SQLite does: text by its bytes. */
const compareKeys = (one: Position["key"], other: Position["key"]): number =>
  typeof one === "number" && typeof other === "number"
    ? one - other
    : Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)));
