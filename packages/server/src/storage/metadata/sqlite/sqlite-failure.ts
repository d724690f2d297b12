import { closeSync, constants, openSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isOutOfSpace } from "../../blobs/disk.ts";
import { inMemory } from "./sqlite-database.ts";

/**
 * Kinds of SQLite's errors. `statement`: the statement alone failed. `full`: the disk or the quota has no room; the transaction
 * is undone. `busy`: another connection was in the way. `database`: anything else, after which nobody knows what was kept.
 */
export type Failure = "statement" | "full" | "busy" | "database";

/** ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE: mistakes in a statement or its values. */
const statementCodes: readonly number[] = [1, 18, 19, 20, 25];
const busyCode = 5;
const fullCode = 13;
/** SQLITE_IOERR_WRITE. Failed syncs have a code of their own. */
const failedWriteCode = 778;

/** @param path of the database; the file system there is asked whether it has room. */
export function failureOf(error: unknown, path: string): Failure {
  const code = sqliteCode(error);
  const kind = code === undefined ? undefined : code & 0xff;
  if (kind === undefined || statementCodes.includes(kind)) {
    return "statement";
  }
  // SQLite knows ENOSPC alone: an exhausted quota is an I/O error to it.
  if (kind === fullCode || (code === failedWriteCode && !hasRoom(path))) {
    return "full";
  }
  return kind === busyCode ? "busy" : "database";
}

export function isSqliteError(error: unknown): boolean {
  return sqliteCode(error) !== undefined;
}

/** SQLite's extended result code; undefined when the error is not SQLite's. */
function sqliteCode(error: unknown): number | undefined {
  const isSqlite = error instanceof Error && "errcode" in error && typeof error.errcode === "number";
  return isSqlite ? (error.errcode as number) : undefined;
}

/** An unnamed file, which leaves nothing behind (O_TMPFILE). Node has no name for the flag. */
const unnamedFile = constants.O_DIRECTORY | 0o20000000 | constants.O_WRONLY;
const probeSizeBytes = 64 * 1024;

/** False only when the file system says so: any doubt makes an I/O error of it, after which the service halts. */
function hasRoom(path: string): boolean {
  if (path === inMemory) {
    return true;
  }
  const folder = dirname(path);
  try {
    const { blocks, bavail } = statfsSync(folder);
    // Zero blocks in all is how a file system says that it has no figure to give.
    return !(blocks > 0 && bavail === 0) && canWrite(folder);
  } catch {
    return true;
  }
}

function canWrite(folder: string): boolean {
  const file = openSync(folder, unnamedFile, 0o600);
  try {
    writeSync(file, Buffer.alloc(probeSizeBytes));
    return true;
  } catch (error) {
    return !isOutOfSpace(error);
  } finally {
    closeSync(file);
  }
}
