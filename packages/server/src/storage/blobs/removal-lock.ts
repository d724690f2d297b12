import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isBusy } from "../reader-lock.ts";

export const removalLockName = "removals.db";

/** Makes the lock file, which stays empty. Only the server does: a file of another user's would keep it from removing anything. */
export function makeRemovalLock(folder: string): void {
  const path = join(folder, removalLockName);
  // To close a second handle of a lock file gives up the lock that this process may hold.
  if (!existsSync(path)) {
    closeSync(openSync(path, "a", 0o600));
  }
}

/**
 * Removes blobs while no backup reads them: a backup holds the same lock as a reader. The lock is the kernel's, so that a backup that
 * is killed holds nothing. Resolves to null, with nothing removed, while a backup holds it.
 */
export async function unlessHeld<Result>(folder: string, remove: () => Promise<Result>): Promise<Result | null> {
  const lock = new DatabaseSync(join(folder, removalLockName), { timeout: 0 });
  try {
    // SQLite then writes nothing, so that a full disk can be emptied.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return await remove();
  } catch (error) {
    if (isBusy(error)) {
      return null;
    }
    throw error;
  } finally {
    lock.close();
  }
}
