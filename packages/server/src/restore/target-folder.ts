import { mkdir, open, readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { errorCode, ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import { RestoreError } from "./restore-error.ts";

/** Says of a folder which backup is being restored to it. A server refuses it meanwhile: it has this file, and no database. */
export const markName = "restoring";

/** Makes or takes the folder: an empty one, or one in which a restore of the same backup was interrupted. */
export async function openTarget(given: string, backupName: string, backups: string | null): Promise<string> {
  const path = await makeFolder(resolve(given));
  if (backups !== null && (!relative(backups, path).startsWith("..") || !relative(path, backups).startsWith(".."))) {
    throw new RestoreError(`${path} and the folder of backups ${backups} lie in one another: choose another folder`);
  }
  const names = (await readdir(path)).filter((name) => name !== "lost+found");
  const mark = await ifPresent(readFile(join(path, markName), "utf8"));
  if (mark === null && names.length > 0) {
    throw new RestoreError(`${path} is not empty (it holds ${names[0]}): choose a folder that is`);
  }
  // An interruption may have left the mark without its content, and then nothing else.
  const isOther = mark !== null && mark.trim() !== backupName && names.length > 1;
  if (isOther) {
    throw new RestoreError(
      `A restore of the backup ${mark.trim()} to ${path} was interrupted: continue it with --backup ${mark.trim()}, or choose an empty folder`,
    );
  }
  await writeMark(path, backupName);
  return path;
}

async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 });
    await syncPath(dirname(path));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      throw new RestoreError(`The folder ${path} cannot be made: ${(error as Error).message}`, { cause: error });
    }
  }
  return realpath(path);
}

async function writeMark(folder: string, backupName: string): Promise<void> {
  const file = await open(join(folder, markName), "w", 0o600);
  try {
    await file.writeFile(`${backupName}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncPath(folder);
}
