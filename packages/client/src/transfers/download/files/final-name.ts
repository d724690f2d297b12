import type { Stats } from "node:fs";
import { link, lstat, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "../../../error-code.ts";
import { syncFolder } from "../../journal/journal-file.ts";
import { LocalFileError, local, TargetExistsError } from "../../transfer-errors.ts";

/**
 * Gives a file its final name, so that a power cut does not undo it. The file must have been synced. Without `overwrite`, it throws
 * TargetExistsError if a file has that name, and keeps that file.
 */
export async function publish(partial: string, target: string, overwrite: boolean): Promise<void> {
  if (overwrite) {
    await local(rename(partial, target));
  } else {
    // Unlike a rename, a link fails if the name exists, even if another process created it a moment ago.
    await linkTo(partial, target);
    await local(rm(partial, { force: true }));
  }
  await syncFolder(dirname(target));
}

async function linkTo(partial: string, target: string): Promise<void> {
  try {
    await link(partial, target);
  } catch (error) {
    if (hasCode(error, "EEXIST")) {
      throw exists(target);
    }
    // Other errors are those of file systems without hard links. There, the check is made just before the rename.
    await assertFree(target);
    await local(rename(partial, target));
  }
}

export async function assertFree(target: string): Promise<void> {
  if (await isThere(target)) {
    throw exists(target);
  }
}

export async function isThere(path: string): Promise<boolean> {
  return (await identityOf(path)) !== null;
}

/** Whether both names lead to one file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = [await identityOf(one), await identityOf(other)];
  return first !== null && first === second;
}

async function identityOf(path: string): Promise<string | null> {
  const stats = await statsOf(path);
  return stats && `${stats.dev} ${stats.ino}`;
}

/** Returns the stats of the name itself; null if it does not exist. A symbolic link is not followed, so a dangling one exists as well. */
export async function statsOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) {
      return null;
    }
    throw new LocalFileError((error as Error).message, { cause: error });
  }
}

const exists = (target: string) => new TargetExistsError(`${target} already exists`);
