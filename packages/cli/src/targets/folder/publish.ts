import { link, lstat, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { type ArchiveFacts, TargetOccupiedError } from "../target.ts";
import { findCopy } from "./find-copy.ts";
import { codeOf } from "./folder-errors.ts";
import type { FolderParts } from "./folder-parts.ts";
import { type InnerFolder, parentOf } from "./inner-folders.ts";

/**
 * Gives a complete and synced copy its final name. Resolves when a power cut cannot undo that. A file that has the name already is kept:
 * with the same content it counts as the copy.
 */
export async function publish(
  parts: FolderParts,
  archive: ArchiveFacts,
  draft: { readonly folder: InnerFolder; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const name = basename(archive.path);
  const isNew = await parts.folders.within(parentOf(archive.path), async (folder) => {
    const isNamed = await giveName(draft.folder.entry(draft.name), folder.entry(name));
    if (isNamed) {
      await folder.sync();
    }
    return isNamed;
  });
  if (!isNew && (await findCopy(parts, archive, signal)) === null) {
    throw new TargetOccupiedError(`${archive.path} was created and removed by another program meanwhile`);
  }
  await rm(draft.folder.entry(draft.name), { force: true });
}

/** Resolves to false if something has the name. Unlike a rename, a link never replaces it. */
async function giveName(draft: string, final: string): Promise<boolean> {
  try {
    await link(draft, final);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") {
      return false;
    }
    if (!withoutLinks.has(codeOf(error))) {
      throw error;
    }
  }
  // On file systems without hard links, the name is looked up just before the rename.
  if ((await lstat(final).catch(() => null)) !== null) {
    return false;
  }
  await rename(draft, final);
  return true;
}

const withoutLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"]);
