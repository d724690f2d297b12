import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

const lockWaitMilliseconds = 500;
const sqliteBusy = 5;
const logHeaderBytes = 32;

/** Opens the database of a stopped server without changing anything in its data folder. Throws when the server runs. */
export function openOffline(folder: string): { readonly database: DatabaseSync } & Disposable {
  const path = join(folder, "moraine.db");
  if (!existsSync(path)) {
    throw new Error(`${folder} is not a data folder: it has no moraine.db`);
  }
  const lock = takeLock(folder);
  try {
    const database = openUnchanged(path);
    return {
      database,
      [Symbol.dispose]() {
        database.close();
        lock?.close();
      },
    };
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** Takes the server's own lock, which gives exclusive use of the database. */
function takeLock(folder: string): DatabaseSync | null {
  const path = join(folder, "lock.db");
  if (!existsSync(path)) {
    return null; // The folder of a backup may lack it.
  }
  const lock = new DatabaseSync(path, { timeout: lockWaitMilliseconds });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    const { errcode = 0 } = error as { errcode?: number };
    throw (errcode & 0xff) === sqliteBusy
      ? new Error(`The server of ${folder} is running: stop it first, or create another key: moraine admin keys create`)
      : error;
  }
}

/**
 * Opens the database so that SQLite writes nothing: as immutable when its log has no pages, and with a read-only index otherwise. With
 * such an index SQLite cannot read a log of a header alone.
 */
function openUnchanged(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) <= logHeaderBytes) {
    url.searchParams.set("immutable", "1");
  } else if (existsSync(`${path}-shm`)) {
    url.searchParams.set("readonly_shm", "1");
  }
  return new DatabaseSync(url, { readOnly: true });
}
