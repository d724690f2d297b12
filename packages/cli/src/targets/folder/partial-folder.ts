import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { ownFolder } from "./documents.ts";
import type { InnerFolders } from "./inner-folders.ts";

/** The folder of copies that are not complete. */
export const partialFolder = `${ownFolder}/partial`;

/** Returns the name of an archive's incomplete copy, whatever its id contains. */
export function partialName(archiveId: string): string {
  return createHash("sha256").update(archiveId).digest("hex").slice(0, 32);
}

/** The suffix of copies that start over after an interruption. */
export const draftSuffix = ".draft";

/** Removes the copies of an earlier run that cannot be resumed. */
export async function removeDrafts(folders: InnerFolders): Promise<void> {
  await folders.within(partialFolder, async (folder) => {
    const names = (await readdir(folder.entry("."))).filter((name) => name.endsWith(draftSuffix));
    for (const name of names) {
      await rm(folder.entry(name), { force: true });
    }
  });
}
