import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { constants, copyFile, realpath, statfs } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { copyMarkName, readCopyMark, refusalOf } from "../storage/copy-mark.ts";
import { examineLog, type LogState } from "../storage/metadata/sqlite/log/log-file.ts";
import { takeReaderLock } from "../storage/reader-lock.ts";
import { bucketOf } from "../storage/s3/binding-file.ts";

/** A data folder that is read and never changed. */
export interface OpenedFolder extends AsyncDisposable {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly isRunning: boolean;
  /** The log as it lay on the disk; null while a server writes it. */
  readonly log: LogState | null;
  /** Where the database was read, for people. */
  readonly source: string;
}

export interface OpenOptions {
  /** Makes the folder for a copy of the database, which is removed with it. */
  makeTemporaryFolder(): string;
  /** Whether the archives may be in a bucket. @default false */
  readonly isBucketAllowed?: boolean;
}

/** Error thrown when a folder cannot be checked at all. */
export class CannotVerifyError extends Error {
  override readonly name = "CannotVerifyError";
}

/** Error thrown when the database is missing, or so damaged that nothing of it can be read. */
export class DatabaseLostError extends Error {
  override readonly name = "DatabaseLostError";
}

const lockWaitMilliseconds = 500;
const readWaitMilliseconds = 5000;
const mebibyte = 1024 ** 2;

/**
 * Opens the folder of a running server next to it, and of a stopped one with its lock, so that none starts meanwhile. SQLite
 * would write an index next to a log: a database with a log is read from a copy.
 */
export async function openFolder(
  given: string,
  { makeTemporaryFolder, isBucketAllowed = false }: OpenOptions,
): Promise<OpenedFolder> {
  const path = await realpath(resolve(given)).catch((error: Error) => {
    throw new CannotVerifyError(`The data folder ${given} cannot be opened: ${error.message}`, { cause: error });
  });
  if (!isBucketAllowed) {
    assertFiles(path);
  }
  assertComplete(path);
  const file = join(path, "moraine.db");
  if (sizeOf(file) === 0) {
    const isData = ["blobs", "secrets.key", "history.json"].some((name) => existsSync(join(path, name)));
    throw isData
      ? new DatabaseLostError("the database is missing or empty, but there is data that it describes")
      : new CannotVerifyError(`${path} is not a data folder: it has no moraine.db`);
  }
  assertReadable(path);
  // The server's own lock: while it is held, none starts. A backup has none.
  const lock = takeReaderLock(join(path, "lock.db"), lockWaitMilliseconds);
  if (lock === "held") {
    return openRunning(path, file);
  }
  try {
    return await openStopped({ path, lock, makeTemporaryFolder });
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** Throws CannotVerifyError for a folder whose archives are in a bucket: each of its segments would be a finding. */
export function assertFiles(path: string): void {
  const place = bucketOf(path);
  if (place !== null) {
    throw new CannotVerifyError(
      `The archives of ${path} are in ${place}: this command reads archives that are files. moraine verify checks them if it is given --blobs, as the server has it`,
    );
  }
}

/** Throws CannotVerifyError for the target of a copy that is not complete: what it lacks would be findings. */
function assertComplete(path: string): void {
  const mark = readCopyMark(path);
  if (mark?.state === "incomplete") {
    throw new CannotVerifyError(refusalOf(mark, `The data folder ${path}`, join(path, copyMarkName)));
  }
}

/** Says so by name: SQLite's message has neither the file nor the reason. */
function assertReadable(path: string): void {
  const names = ["moraine.db", "moraine.db-wal", "lock.db"];
  for (const file of names.map((name) => join(path, name)).filter((file) => existsSync(file))) {
    closeSync(openSync(file, "r"));
  }
}

function openRunning(path: string, file: string): OpenedFolder {
  if (!existsSync(`${file}-shm`)) {
    throw new CannotVerifyError(
      `${path} is in use by a process that is no server that has started: wait for it to end, and try again`,
    );
  }
  const database = openDatabase(file, "readonly_shm");
  return {
    path,
    database,
    isRunning: true,
    log: null,
    source: "next to its running server",
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

interface StoppedFolder extends OpenOptions {
  readonly path: string;
  readonly lock: DatabaseSync | null;
}

async function openStopped({ path, lock, makeTemporaryFolder }: StoppedFolder): Promise<OpenedFolder> {
  const file = join(path, "moraine.db");
  const log = examineLog(`${file}-wal`);
  const isCopied = sizeOf(`${file}-wal`) > 0;
  const database = isCopied
    ? openDatabase(await copyDatabase(path, makeTemporaryFolder()), null)
    : openDatabase(file, "immutable");
  return {
    path,
    database,
    isRunning: false,
    log,
    source: isCopied ? "no server runs; its database and log were read from a temporary copy" : "no server runs",
    async [Symbol.asyncDispose]() {
      database.close();
      lock?.close();
    },
  };
}

function openDatabase(file: string, setting: "readonly_shm" | "immutable" | null): DatabaseSync {
  const url = pathToFileURL(file);
  if (setting !== null) {
    url.searchParams.set(setting, "1");
  }
  const database = new DatabaseSync(url, { readOnly: true, timeout: readWaitMilliseconds });
  database.exec(
    "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
  );
  return database;
}

/** Returns the path of the copy. */
async function copyDatabase(folder: string, into: string): Promise<string> {
  if (!relative(folder, into).startsWith("..")) {
    throw new CannotVerifyError(
      `The folder for temporary files, ${into}, lies in the data folder: set TMPDIR to another`,
    );
  }
  const ends = ["", "-wal"];
  const sizeBytes = ends.reduce((sum, end) => sum + sizeOf(join(folder, `moraine.db${end}`)), 0);
  const { bavail, bsize } = await statfs(into);
  // SQLite adds an index of the log.
  if (bavail * bsize < sizeBytes + mebibyte) {
    throw new CannotVerifyError(
      `The database has a log, so a copy of both is read, and ${into} has no room for its ${sizeBytes} bytes: set TMPDIR to another folder`,
    );
  }
  for (const end of ends) {
    await copyFile(join(folder, `moraine.db${end}`), join(into, `moraine.db${end}`), constants.COPYFILE_FICLONE);
  }
  return join(into, "moraine.db");
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
