import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode, UnusableFileError } from "../transfer-errors.ts";

/**
 * Opens a file to be written, or creates it. In a folder where others may write too, they could plant a link under a name that is known
 * beforehand, and have what it leads to overwritten: throws UnusableFileError unless it is a regular file of this user's own, with one name.
 *
 * @param flags of the system's: how it is read and written.
 */
export async function openOwnFile(
  path: string,
  { flags, mode }: { readonly flags: number; readonly mode: number },
): Promise<{ readonly file: FileHandle; readonly isNew: boolean }> {
  try {
    return { file: await open(path, flags | constants.O_CREAT | constants.O_EXCL, mode), isNew: true };
  } catch (error) {
    if (!hasCode(error, "EEXIST")) {
      throw error;
    }
  }
  return { file: await openExisting(path, flags), isNew: false };
}

async function openExisting(path: string, flags: number): Promise<FileHandle> {
  // Without O_NONBLOCK, opening a named pipe may wait for ever.
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
    throw hasCode(error, "ELOOP") ? unusable(path, "is a symbolic link") : error;
  });
  try {
    await assertOwnFile(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Throws UnusableFileError unless it is a regular file of this user's own, with one name. */
export async function assertOwnFile(path: string, stats: Stats): Promise<void> {
  const kind = specialKindOf(stats);
  if (kind !== null) {
    throw unusable(path, `is ${kind}`);
  }
  if (stats.nlink > 1) {
    throw unusable(path, "has other names (hard links)");
  }
  // File systems may give files other owners than the user that created them: then a new file in the folder has the same.
  const { uid } = stats;
  const own = process.geteuid?.() ?? uid;
  if (uid !== own && uid !== (await ownerOfNewFile(dirname(path)))) {
    throw unusable(path, `belongs to user ${uid}`);
  }
}

async function ownerOfNewFile(folder: string): Promise<number> {
  const path = join(folder, `.${randomUUID()}`);
  const file = await open(path, "wx", 0o600);
  try {
    return (await file.stat()).uid;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** Returns null for a regular file. */
export function specialKindOf(stats: Stats): string | null {
  if (stats.isFile()) {
    return null;
  }
  const kinds = [
    [stats.isDirectory(), "a folder"],
    [stats.isSymbolicLink(), "a symbolic link"],
    [stats.isFIFO(), "a named pipe"],
    [stats.isCharacterDevice(), "a character device"],
    [stats.isBlockDevice(), "a block device"],
  ] as const;
  return kinds.find(([isKind]) => isKind)?.[1] ?? "a socket";
}

const unusable = (path: string, problem: string) =>
  new UnusableFileError(`${path} ${problem}, so nothing is written to it; remove it, or choose another name`);
