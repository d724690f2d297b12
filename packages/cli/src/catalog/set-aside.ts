import { closeSync, existsSync, openSync, readSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Catalog } from "./catalog.ts";
import { CatalogError } from "./catalog-error.ts";

/** The first bytes of each file of SQLite. */
const header = "SQLite format 3\0";

/**
 * Renames a catalogue, with SQLite's log, without which the last changes would be missing. Nothing is replaced: it may be the only one with the
 * costs. Returns the new name. Throws CatalogError for a file that is no database.
 *
 * @param isGiven whether the user has named the file, which may be anything
 */
export function setAside(path: string, isGiven: boolean): string {
  if (isGiven && startOf(path) !== header) {
    throw new CatalogError(`${path} is not a catalogue: move it away, or name another file with --catalog`);
  }
  let aside = `${path}.old`;
  for (let number = 2; existsSync(aside); number += 1) {
    aside = `${path}.old-${number}`;
  }
  for (const end of ["-wal", "-shm", ""].filter((each) => existsSync(path + each))) {
    renameSync(path + end, aside + end);
  }
  return aside;
}

function startOf(path: string): string {
  const bytes = Buffer.alloc(header.length);
  const file = openSync(path, "r");
  try {
    return bytes.toString("latin1", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/** Counts what was paid for in the new catalogue as well, so that a cost cap holds. Returns false if a damaged file does not say it. */
export function carryCosts(from: string, catalog: Catalog): boolean {
  try {
    using old = new DatabaseSync(from, { readOnly: true });
    const costs = old.prepare("SELECT name, quantity FROM costs").all();
    const hour = old.prepare("SELECT value FROM facts WHERE name = 'rescue-hour'").get();
    catalog.change(() => {
      for (const { name, quantity } of costs) {
        catalog.costs.add(String(name), Number(quantity));
      }
      if (typeof hour?.["value"] === "string") {
        catalog.facts.set("rescue-hour", hour["value"]);
      }
    });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR") {
      return false;
    }
    throw error;
  }
}
