import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode } from "../../../error-code.ts";
import { UnusableFileError } from "../../transfer-errors.ts";

/**
 * Opens a file for writing, or creates it. Throws UnusableFileError unless it is a regular file of this user's own, with one name: in a
 * folder that others may write to, they could plant a link under the known name, and have its target overwritten.
 *
 * @param flags the system's flags for reading and writing.
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
  // Without O_NONBLOCK, opening a named pipe may wait forever.
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
  // Some file systems give files another owner than the user who creates them; a new file in the folder then has that owner, too.
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

/** Describes a file that is not regular; null for a regular one. */
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
