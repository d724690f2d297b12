import { closeSync, existsSync, openSync, renameSync, statfsSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { syncPathSync } from "../../../files/sync-path.ts";
import type { Connection } from "../sqlite/sqlite-connection.ts";
import { inMemory } from "../sqlite/sqlite-database.ts";

/** The figures of a file system that are asked for: free blocks and their size. */
export type FileSystemFigures = (folder: string) => { bavail: number; bsize: number; blocks: number };

/** One copy, and as much again for what the migration itself writes. */
const roomFactor = 2;

/**
 * Copies the database to a file next to it before it is changed: complete and durable when this returns, with mode 0600. An
 * earlier copy of that name is replaced once the new one is complete: the database may have changed since. It has the old
 * schema even if a migration failed before, because a migration is one transaction. Throws when there is not enough room; then
 * nothing has changed.
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
  const partial = `${backup}.partial`;
  // An earlier attempt may have left something, which SQLite would not write over.
  closeSync(openSync(partial, "w", 0o600));
  try {
    database.prepare("VACUUM INTO ?").run(partial);
    syncPathSync(partial);
    renameSync(partial, backup);
    syncPathSync(dirname(path));
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
