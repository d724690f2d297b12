import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { chmod, mkdir, open, readdir, realpath, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { syncPath } from "../files/sync-path.ts";
import { Ballast } from "./blobs/ballast.ts";
import { isFull } from "./blobs/disk.ts";
import { probePrefix } from "./blobs/probe.ts";
import { removalLockName } from "./blobs/removal-lock.ts";
import { copyMarkName, readCopyMark, refusalOf } from "./copy-mark.ts";
import { markerName } from "./history/marker.ts";
import { quarantineName } from "./history/quarantine.ts";
import { type FileSystemType, networkFileSystemOf } from "./network-storage.ts";

/** The one folder in which a server keeps everything, locked for the life of the process. */
export interface DataFolder {
  /** Absolute, with links resolved. */
  readonly path: string;
  readonly databaseFile: string;
  /** Room that is kept for a full disk. */
  readonly ballast: Ballast;
  /** Whether the disk was full, so that the ballast was removed. */
  readonly isBallastReleased: boolean;
  /** Says whether the database was closed in order, and by which generation of it. */
  readonly markerFile: string;
  readonly hasBlobs: boolean;
  /** The network file system that it lies on, if that was allowed. */
  readonly networkFileSystem: string | null;
  /** Messages for the operator about other users' access to it. */
  readonly notices: readonly string[];
  /** Gives the folder to the next process; a second call does nothing. */
  release(): Promise<void>;
}

export interface DataFolderOptions {
  /** Whether the folder may lie on a file system whose locks and syncs depend on another machine. @default false */
  readonly allowNetworkStorage?: boolean;
  readonly fileSystemType?: FileSystemType;
  /** Whether the database may be missing although there is data that it describes: a repair makes a new one. @default false */
  readonly mayLackDatabase?: boolean;
  /** Whether the mark of a copy is the caller's own. @default false, it refuses the folder */
  readonly isCopied?: boolean;
}

/** The folder cannot be used; the message is one line that an operator can act on. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

const databaseName = "moraine.db";
const lockName = "lock.db";
const blobsName = "blobs";
const tmpName = "tmp";
const ballastName = "ballast";
const probeName = `${probePrefix}folder`;
/** Files that a first start may have left before there was a database; `lost+found` is a new disk's own. */
const namesBeforeDatabase = new Set([
  probeName,
  lockName,
  `${lockName}-journal`,
  blobsName,
  tmpName,
  ballastName,
  removalLockName,
  `${removalLockName}-journal`,
  "lost+found",
]);
/** Files that only a server makes, and only next to a database. */
const ownNames = new Set([
  markerName,
  `${markerName}.partial`,
  quarantineName,
  "secrets.key",
  "root-key",
  "mirror.json",
  "blobs.json",
  "blobs.json.partial",
  copyMarkName,
  `${copyMarkName}.partial`,
]);

const sqliteBusy = 5;
/** SQLITE_READONLY and SQLITE_CANTOPEN: the lock, or the journal next to it, cannot be made. */
const sqliteUnwritable = [8, 14];
/** Two processes that start at the same moment can get in each other's way; then one of them has to wait a little. */
const lockWaitMilliseconds = 500;

/**
 * Takes a folder, making it when there is none. Rejects with `DataFolderError` when another process has it, when it
 * is not writable, or when what lies in it is not a whole data folder: a server never starts fresh over lost metadata.
 */
export async function openDataFolder(path: string, options: DataFolderOptions = {}): Promise<DataFolder> {
  const folder = await makeFolder(resolve(path));
  await refuseForeign(folder);
  if (options.isCopied !== true) {
    refuseCopied(folder);
  }
  const notices = await accessNotices(folder);
  const networkFileSystem = await findNetworkFileSystem(folder, options);
  const lock = takeLock(folder);
  const ballast = new Ballast(join(folder, ballastName), folder);
  let isBallastReleased = false;
  try {
    // Before anything is written: on a full disk the metadata could not even be opened.
    isBallastReleased = await ballast.releaseIfFull();
    await assertWritable(folder);
    if (options.mayLackDatabase !== true) {
      await refuseDamaged(folder);
    }
    // From here on a database without `blobs/` next to it means that the blobs were lost.
    await mkdir(join(folder, blobsName), { recursive: true, mode: 0o700 });
    await syncPath(folder);
  } catch (error) {
    releaseLock(lock);
    throw error;
  }
  return {
    path: folder,
    databaseFile: join(folder, databaseName),
    ballast,
    isBallastReleased,
    markerFile: join(folder, markerName),
    hasBlobs: await holdsBlobs(folder),
    networkFileSystem,
    notices,
    release: async () => releaseLock(lock),
  };
}

async function makeFolder(path: string): Promise<string> {
  try {
    const firstMade = await mkdir(path, { recursive: true, mode: 0o700 });
    if (firstMade !== undefined) {
      await syncParents(path, dirname(firstMade));
    }
    return await realpath(path);
  } catch (error) {
    throw new DataFolderError(`The data folder ${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/** Up to and including `topmost`, so that each folder's name is durable in its parent. */
async function syncParents(path: string, topmost: string): Promise<void> {
  let folder = path;
  do {
    folder = dirname(folder);
    await syncPath(folder);
  } while (folder.length > topmost.length);
}

/** Files in it are their owner's alone; but where others may write, they can put other files in their place. */
async function accessNotices(folder: string): Promise<readonly string[]> {
  const mode = (await stat(folder)).mode & 0o777;
  const text = mode.toString(8).padStart(4, "0");
  if ((mode & 0o002) === 0) {
    return (mode & 0o077) === 0 ? [] : [`Other users may open the data folder (mode ${text}): chmod 700 it`];
  }
  if (!(await closeUnused(folder))) {
    throw new DataFolderError(
      `Any user may write in the data folder ${folder} (mode ${text}), and may have done so: look at what is in it, then chmod 700 it`,
    );
  }
  return [];
}

/** A new mount in memory, or an empty volume of a container, comes open to all. False when it is in use, or somebody else's. */
async function closeUnused(folder: string): Promise<boolean> {
  const isUsed = (await list(folder)).includes(databaseName);
  return (
    !isUsed &&
    chmod(folder, 0o700).then(
      () => true,
      () => false,
    )
  );
}

/** Before anything is written: nothing of ours is mixed into somebody's folder. One that has lost its database is refused for that. */
async function refuseForeign(folder: string): Promise<void> {
  const names = await list(folder);
  const foreign = names.find(
    (name) => !namesBeforeDatabase.has(name) && !ownNames.has(name) && !name.startsWith(databaseName),
  );
  const hasBeenUsed = names.includes(databaseName) || names.some((name) => ownNames.has(name));
  if (foreign !== undefined && !hasBeenUsed) {
    throw new DataFolderError(
      `${folder} is not a data folder: it holds other files (${foreign}) and no ${databaseName}; choose an empty folder`,
    );
  }
}

/** The other end of the copy may be served, or this one is not complete. */
function refuseCopied(folder: string): void {
  const mark = readCopyMark(folder);
  if (mark !== null) {
    throw new DataFolderError(refusalOf(mark, `The data folder ${folder}`, join(folder, copyMarkName)));
  }
}

/** Before the lock, which such a file system may grant twice. The folders in it may be mounts of their own. */
async function findNetworkFileSystem(folder: string, options: DataFolderOptions): Promise<string | null> {
  const names = await list(folder);
  for (const name of [".", blobsName, tmpName].filter((name) => name === "." || names.includes(name))) {
    const part = join(folder, name);
    const found = await networkFileSystemOf(part, options.fileSystemType);
    if (found !== null && options.allowNetworkStorage !== true) {
      throw new DataFolderError(
        `${part} lies on a network file system (${found}), whose locks and syncs may not hold: use a local disk, or give ` +
          "--allow-network-storage if this one keeps them",
      );
    }
    if (found !== null) {
      return found;
    }
  }
  return null;
}

/** A full disk passes: it is for the blobs to say. */
async function assertWritable(folder: string): Promise<void> {
  const path = join(folder, probeName);
  try {
    await (await open(path, "w", 0o600)).close();
    await unlink(path);
  } catch (error) {
    if (!isFull(error)) {
      throw new DataFolderError(`The data folder ${folder} is not writable: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** Locks another folder against other servers. Returns a function that frees it; a second call does nothing. */
export function lockFolder(folder: string, name: string): () => void {
  const lock = takeLock(folder, name);
  return () => releaseLock(lock);
}

/** A lock that is only reachable through its `DataFolder` would be freed with it by the garbage collector. */
const heldLocks = new Set<DatabaseSync>();

/**
 * SQLite's lock on a file is the kernel's: a killed process loses it at once. SQLite also keeps its own process from
 * taking it twice. With its journal in memory it writes nothing, neither to the file nor next to it, so that a full disk
 * can be locked.
 */
function takeLock(folder: string, name = "data folder"): DatabaseSync {
  const path = join(folder, lockName);
  let lock: DatabaseSync | undefined;
  try {
    keepToOwner(path);
    lock = new DatabaseSync(path, { timeout: lockWaitMilliseconds });
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    throw lockError(`${name} ${folder}`, error);
  }
  heldLocks.add(lock);
  return lock;
}

/**
 * Another user who may read the file could lock it, and no server would start. It is never opened when it exists: closing
 * it would free the lock that this process may hold.
 */
function keepToOwner(path: string): void {
  if (!existsSync(path)) {
    closeSync(openSync(path, "a", 0o600));
  } else if ((statSync(path).mode & 0o077) !== 0) {
    chmodSync(path, 0o600);
  }
}

function lockError(named: string, error: unknown): DataFolderError {
  const { errcode = 0, code = "", message } = error as NodeJS.ErrnoException & { errcode?: number };
  // The low byte is the kind; the rest tells its variants apart.
  const kind = errcode & 0xff;
  if (kind === sqliteBusy) {
    return new DataFolderError(`The ${named} is in use by another process`, { cause: error });
  }
  const isUnwritable = sqliteUnwritable.includes(kind) || ["EACCES", "EPERM", "EROFS"].includes(code);
  const reason = isUnwritable ? "is not writable" : "cannot be locked";
  return new DataFolderError(`The ${named} ${reason}: ${message}`, { cause: error });
}

function releaseLock(lock: DatabaseSync): void {
  if (heldLocks.delete(lock)) {
    lock.close();
  }
}

async function refuseDamaged(folder: string): Promise<void> {
  const damage = await damageIn(folder);
  if (damage !== null) {
    throw new DataFolderError(`The data folder ${folder} ${damage}; restore it from a backup`);
  }
}

async function damageIn(folder: string): Promise<string | null> {
  const names = await list(folder);
  const hasBlobs = names.includes(blobsName) && (await holdsBlobs(folder));
  const hasDatabase = names.includes(databaseName) && (await stat(join(folder, databaseName))).size > 0;
  if (!hasDatabase && hasBlobs) {
    return `holds blobs, but its database ${databaseName} is missing or empty`;
  }
  if (!hasDatabase && names.some((name) => ownNames.has(name))) {
    return `has been in use, but its database ${databaseName} is missing or empty`;
  }
  if (!names.includes(databaseName) && names.some((name) => name.startsWith(databaseName))) {
    return `holds a database's log, but its database ${databaseName} is missing`;
  }
  if (hasDatabase && !names.includes(blobsName)) {
    return `has a database, but its folder ${blobsName} is missing`;
  }
  return null;
}

async function holdsBlobs(folder: string): Promise<boolean> {
  return (await list(join(folder, blobsName))).some(isShardFolder);
}

/** Not what an interrupted probe left, before there was any blob. */
const isShardFolder = (name: string): boolean => !name.startsWith(probePrefix);

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new DataFolderError(`The folder ${folder} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
