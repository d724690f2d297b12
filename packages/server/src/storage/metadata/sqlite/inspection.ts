import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { packKey } from "../tables/packed.ts";
import type { LogState } from "./log/log-file.ts";

const logHeaderBytes = 32;

/** The database as it lies on the disk, its log included, read without changing anything. */
export type Inspection =
  | { readonly state: "missing" }
  /** SQLite cannot read it as it is; to open it for writing repairs it, or says what is wrong. */
  | { readonly state: "unreadable" }
  | {
      readonly state: "readable";
      /** 0 when it has never been counted. */
      readonly generation: number;
      /** Those of the keys that no segment's row has, in whatever state. */
      unknownOf(keys: readonly string[]): string[];
      close(): void;
    };

/**
 * For a folder that no process has open: to close a file of a database that is in use in the same process would give up its
 * locks. A database without a table of the service is as good as missing: its tables were in a log that was lost.
 */
export function inspectDatabase(path: string, log: LogState): Inspection {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    return { state: "missing" };
  }
  let database: DatabaseSync | undefined;
  try {
    database = openUnchanged(path, log);
    const tables = namesOf(database);
    if (!tables.has("kysely_migration")) {
      database.close();
      return tables.size === 0 ? { state: "missing" } : { state: "unreadable" };
    }
    return readable(database, tables.has("history"));
  } catch {
    database?.close();
    return { state: "unreadable" };
  }
}

/** Whether the database says that it has no log: then one next to it belongs to another. */
export function hasNoLog(path: string): boolean {
  const versions = Buffer.alloc(2);
  const file = openSync(path, "r");
  try {
    // The file format's versions for writing and reading: 1 without a log, 2 with one.
    return readSync(file, versions, 0, 2, 18) === 2 && versions.every((version) => version === 1);
  } finally {
    closeSync(file);
  }
}

/**
 * SQLite would make a log that is missing, and write its index of one; where that file exists, it is asked to keep one in memory. With a
 * log of a header alone, which a kill leaves, it would then try for ten seconds, and give up.
 */
function openUnchanged(path: string, log: LogState): DatabaseSync {
  const url = pathToFileURL(path);
  if (log === "empty" || statSync(`${path}-wal`).size <= logHeaderBytes) {
    url.searchParams.set("immutable", "1");
  } else if (existsSync(`${path}-shm`)) {
    url.searchParams.set("readonly_shm", "1");
  }
  return new DatabaseSync(url, { readOnly: true });
}

function namesOf(database: DatabaseSync): Set<string> {
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return new Set(rows.map(({ name }) => String(name)));
}

function readable(database: DatabaseSync, isCounted: boolean): Inspection {
  const row = isCounted ? database.prepare("SELECT generation FROM history").get() : undefined;
  return {
    state: "readable",
    generation: Number(row?.["generation"] ?? 0),
    unknownOf(keys) {
      const find = database.prepare("SELECT 1 FROM segments WHERE name = ?");
      return keys.filter((key) => find.get(packKey(key)) === undefined);
    },
    close: () => database.close(),
  };
}
