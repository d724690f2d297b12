import { readdir, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";

// The only file of backups that removes anything.

/** Removes an incomplete copy. A failure is no trouble: the next backup removes it with its folder. */
export async function discard(partial: string): Promise<void> {
  await unlink(partial).catch(() => undefined);
}

/** Removes a segment's copy that no backup refers to. */
export async function removeCopy(blobs: string, key: string): Promise<boolean> {
  return (await ifPresent(unlink(join(blobs, key)).then(() => true))) ?? false;
}

/** Removes the folder of a backup that has expired: its files first, then itself. */
export async function removeBackup(expired: string, name: string): Promise<void> {
  const folder = join(expired, name);
  for (const file of await readdir(folder)) {
    await rm(join(folder, file), { force: true });
  }
  await rmdir(folder);
  await syncPath(expired);
}

/** Empties the folder in which an interrupted restore has left incomplete copies. */
export async function removePartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    await unlink(join(folder, name));
  }
}

/** Removes the mark of a restore that is complete. */
export async function removeMark(folder: string, name: string): Promise<void> {
  await ifPresent(unlink(join(folder, name)));
  await syncPath(folder);
}
