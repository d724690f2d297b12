import { open, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { errorCode, ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import { BackupFolderError } from "./backup-folder.ts";
import type { Manifest } from "./manifest.ts";

export const keyName = "secrets.key";

/** Where the key lies that opens the database's secrets. */
export async function keyPlace(dataFolder: string): Promise<Manifest["sealingKey"]> {
  return (await ifPresent(stat(join(dataFolder, keyName)))) === null ? "elsewhere" : "secrets.key";
}

/**
 * Copies `secrets.key` to a file, durably. A file with the same key is left as it is, and any other is not replaced. Throws for a place in
 * the folder of backups: the key and what it opens must not be stolen together.
 */
export async function copyKey(dataFolder: string, given: string, backups: string | null): Promise<void> {
  const key = await ifPresent(readFile(join(dataFolder, keyName)));
  if (key === null) {
    throw new BackupFolderError(`${dataFolder} has no ${keyName}: its server is given the key with --sealing-key`);
  }
  const folder = await realpath(dirname(resolve(given)));
  const path = join(folder, basename(given));
  if (backups !== null && !relative(backups, path).startsWith("..")) {
    throw new BackupFolderError(`${path} lies in the folder of backups: keep the key apart from what it opens`);
  }
  await writeKey(path, key);
}

/** Writes a key to a file that does not exist, or has it already. */
export async function writeKey(path: string, key: Uint8Array): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(key);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      throw error;
    }
    if (!(await readFile(path)).equals(key)) {
      throw new BackupFolderError(`${path} exists already and holds another key: choose another file`);
    }
  }
  await syncPath(dirname(path));
}
