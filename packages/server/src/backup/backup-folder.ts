import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, readdir, realpath } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorCode, ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import { isBusy, takeReaderLock } from "../storage/reader-lock.ts";

/** A folder of backups, which share their segments. docs/storage-format.md draws it. */
export interface BackupFolder extends Disposable {
  readonly path: string;
  /** Complete backups: a folder each. */
  readonly backups: string;
  /** The backup that is being made, or that was interrupted. */
  readonly unfinished: string;
  /** Backups that are being removed. */
  readonly expired: string;
  readonly blobs: string;
}

/** Error thrown when a folder cannot be used for backups; its message is one line that an operator can act on. */
export class BackupFolderError extends Error {
  override readonly name = "BackupFolderError";
}

const lockName = "lock.db";
const lockWaitMilliseconds = 500;
/** The names that a first backup makes before all others; `lost+found` is a new disk's own. */
const firstNames = new Set([lockName, `${lockName}-journal`, "lost+found"]);

/** Makes the folder if its parent exists: a mount that is missing is noticed, and not filled. */
export async function openForBackup(given: string, dataFolder: string): Promise<BackupFolder> {
  const path = await makeFolder(resolve(given));
  for (const [inner, outer] of [
    [path, dataFolder],
    [dataFolder, path],
  ] as const) {
    if (!relative(outer, inner).startsWith("..")) {
      throw new BackupFolderError(
        `${path} and the data folder ${dataFolder} lie in one another: choose another folder`,
      );
    }
  }
  const names = await readdir(path);
  const foreign = names.find((name) => !firstNames.has(name));
  if (foreign !== undefined && !names.includes("backups")) {
    throw new BackupFolderError(
      `${path} is not a folder of backups: it holds other files (${foreign}); choose an empty folder`,
    );
  }
  const folder = placesIn(path, takeWriterLock(path));
  try {
    // This one is the folder's mark.
    await mkdir(folder.backups, { recursive: true, mode: 0o700 });
    for (const part of [folder.unfinished, folder.expired, folder.blobs]) {
      await mkdir(part, { recursive: true, mode: 0o700 });
    }
    await syncPath(path);
    return folder;
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/** Opens the folder to read it, while no backup is made in it. */
export async function openForReading(given: string): Promise<BackupFolder> {
  const path = await realpath(resolve(given)).catch((error: Error) => {
    throw new BackupFolderError(`The folder ${given} cannot be opened: ${error.message}`, { cause: error });
  });
  const names = await readdir(path);
  if (!names.includes("backups")) {
    throw new BackupFolderError(`${path} is not a folder of backups: it has no folder "backups"`);
  }
  const lock = takeReaderLock(join(path, lockName), lockWaitMilliseconds);
  if (lock === "held") {
    throw inUse(path);
  }
  return placesIn(path, lock);
}

function placesIn(path: string, lock: DatabaseSync | null): BackupFolder {
  return {
    path,
    backups: join(path, "backups"),
    unfinished: join(path, "unfinished"),
    expired: join(path, "expired"),
    blobs: join(path, "blobs"),
    [Symbol.dispose]: () => lock?.close(),
  };
}

async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 });
    await syncPath(dirname(path));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      const hint = errorCode(error) === "ENOENT" ? ": make its parent first, or mount the disk" : "";
      throw new BackupFolderError(`The folder ${path} cannot be made: ${(error as Error).message}${hint}`, {
        cause: error,
      });
    }
  }
  return realpath(path);
}

function takeWriterLock(folder: string): DatabaseSync {
  const path = join(folder, lockName);
  if (!existsSync(path)) {
    closeSync(openSync(path, "a", 0o600));
  }
  const lock = new DatabaseSync(path, { timeout: lockWaitMilliseconds });
  try {
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw isBusy(error) ? inUse(folder) : error;
  }
}

function inUse(path: string): BackupFolderError {
  return new BackupFolderError(`${path} is in use by another process: wait for it to end, and try again`);
}

/** The names in a folder that may be missing, in order. */
export async function namesIn(folder: string): Promise<string[]> {
  return ((await ifPresent(readdir(folder))) ?? []).sort();
}
