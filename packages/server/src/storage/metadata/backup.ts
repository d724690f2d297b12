import { closeSync, existsSync, openSync, renameSync, statfsSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { type Connection, inMemory } from "./sqlite-connection.ts";
import { syncPath } from "./sync-path.ts";

/** The figures of a file system that are asked for: free blocks and their size. */
export type FileSystemFigures = (folder: string) => { bavail: number; bsize: number; blocks: number };

/** One copy, and as much again for what the migration itself writes (durability 3.7). */
const roomFactor = 2;

/**
 * Copies the database beside itself before it is changed: whole and durable when this returns, with mode 0600. A copy
 * that is there already is kept, since it is the older one: a migration may have failed before. Throws when there is
 * not enough room; then nothing has changed.
 */
export function backUp(
  { database, path }: Connection,
  before: string,
  statfs: FileSystemFigures = (folder) => statfsSync(folder),
): void {
  if (path === inMemory) {
    return;
  }
  assertRoom(path, statfs);
  const backup = `${path}.before-${before}`;
  if (existsSync(backup)) {
    return;
  }
  const partial = `${backup}.partial`;
  // An earlier attempt may have left something, which SQLite would not write over.
  closeSync(openSync(partial, "w", 0o600));
  try {
    database.prepare("VACUUM INTO ?").run(partial);
    syncPath(partial);
    renameSync(partial, backup);
    syncPath(dirname(path));
  } catch (error) {
    if (existsSync(partial)) {
      truncateSync(partial);
    }
    throw new Error(`The database cannot be backed up to ${backup}: ${(error as Error).message}`, { cause: error });
  }
}

function assertRoom(path: string, statfs: FileSystemFigures): void {
  const neededBytes = roomFactor * (sizeOf(path) + sizeOf(`${path}-wal`));
  const { bavail, bsize, blocks } = statfs(dirname(path));
  // Zero blocks in all is how a file system says that it has no figure to give.
  if (blocks !== 0 && bavail * bsize < neededBytes) {
    throw new Error(
      `The database must be migrated, which needs ${neededBytes} bytes of free space in ${dirname(path)}, ` +
        `but there are ${bavail * bsize}: make room and start again; nothing was changed`,
    );
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
