import { chmodSync, closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncPathSync } from "../../../files/sync-path.ts";

export const inMemory = ":memory:";

const rewrittenBytes = 1024 ** 2;

/** Earlier versions can lose what was committed when a checkpoint resets the log. */
const versionMin = [3, 51, 3];

/** Set on each connection and read back: with other values, acknowledged changes could be lost or damage go unseen. */
const settings = [
  ["synchronous", "FULL", 2],
  ["foreign_keys", "ON", 1],
  ["busy_timeout", "5000", 5000],
  ["trusted_schema", "OFF", 0],
  ["cell_size_check", "ON", 1],
  ["mmap_size", "0", 0],
  // A checkpoint within a commit hides its failures: they are made apart, and their results checked.
  ["wal_autocheckpoint", "0", 0],
  // A log that grew while a reader was slow, or a change was large, shrinks to this when it is started over.
  ["journal_size_limit", "16777216", 16 * 1024 ** 2],
  // Temporary files would go to folders outside the data folder, which may be full or read-only.
  ["temp_store", "MEMORY", 2],
] as const;

/** The database to write to; makes the file if there is none and `mayCreate` says so. */
export function openWritable(path: string, mayCreate: boolean): DatabaseSync {
  assertVersion();
  if (path !== inMemory) {
    prepareFile(path, mayCreate);
  }
  const database = new DatabaseSync(path);
  return configured(database, () => {
    database.exec("PRAGMA journal_mode = WAL");
    assertSetting(database, "journal_mode", path === inMemory ? "memory" : "wal");
    assertSound(database);
  });
}

/** The database, which cannot be changed through it; the file must have been opened for writing before. */
export function openReadOnly(path: string): DatabaseSync {
  assertVersion();
  const database = new DatabaseSync(path, { readOnly: true });
  return configured(database, () => {
    assertSetting(database, "journal_mode", "wal");
    database.exec("PRAGMA query_only = ON");
    assertSetting(database, "query_only", 1);
  });
}

function configured(database: DatabaseSync, configure: () => void): DatabaseSync {
  try {
    for (const [name, text, value] of settings) {
      database.exec(`PRAGMA ${name} = ${text}`);
      assertSetting(database, name, value);
    }
    configure();
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/**
 * After a sync that failed, the page cache shows what the disk never got, and calls it written. To write it again makes the next
 * sync honest; else a power cut in the middle of the checkpoint would find the log with a hole.
 */
function writeLogAgain(path: string): void {
  if (sizeOf(path) === 0) {
    return;
  }
  const file = openSync(path, "r+");
  try {
    const piece = Buffer.alloc(rewrittenBytes);
    let position = 0;
    for (let bytes = readSync(file, piece, 0, piece.length, 0); bytes > 0; ) {
      writeSync(file, piece, 0, bytes, position);
      position += bytes;
      bytes = readSync(file, piece, 0, piece.length, position);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The file is made here, so that nobody else may ever read it; SQLite gives its companions the same mode. */
function prepareFile(path: string, mayCreate: boolean): void {
  if (sizeOf(path) === 0) {
    // SQLite would take an empty database for a new one, and throw the log away.
    if (!mayCreate || sizeOf(`${path}-wal`) > 0) {
      throw new Error(`The database ${path} is missing or empty, but there is data that it describes`);
    }
    closeSync(openSync(path, "a", 0o600));
    syncPathSync(dirname(path));
  }
  chmodSync(path, 0o600);
  writeLogAgain(`${path}-wal`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function assertVersion(): void {
  const database = new DatabaseSync(inMemory);
  const version = String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  database.close();
  const numbers = version.split(".").map(Number);
  const at = versionMin.findIndex((least, index) => numbers[index] !== least);
  if (at >= 0 && !(Number(numbers[at]) > Number(versionMin[at]))) {
    throw new Error(`SQLite ${version} is too old: ${versionMin.join(".")} is the least that keeps what it commits`);
  }
}

function assertSetting(database: DatabaseSync, name: string, expected: number | string): void {
  const row = database.prepare(`PRAGMA ${name}`).get();
  // A database in memory has no files to map, and no row to say so.
  const actual = row === undefined ? expected : Object.values(row)[0];
  if (actual !== expected) {
    throw new Error(`SQLite refuses ${name} = ${expected}: it is ${actual}`);
  }
}

/** 64 MiB: a larger database is checked in the background, so that a start takes no longer the more it holds. */
const quickCheckPagesMax = 16 * 1024;

function assertSound(database: DatabaseSync): void {
  const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  if (pages > quickCheckPagesMax) {
    assertReadable(database);
    return;
  }
  const finding = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (finding !== "ok") {
    throw new Error(`The database is damaged: ${finding}`);
  }
}

/** Its header, its schema, and the first row of each table. */
function assertReadable(database: DatabaseSync): void {
  for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()) {
    database.prepare(`SELECT * FROM "${name}" LIMIT 1`).get();
  }
}
