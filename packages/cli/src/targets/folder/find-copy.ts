import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { type ArchiveFacts, type StoredCopy, TargetOccupiedError } from "../target.ts";
import { hashesOf, openForReading } from "./file-hashes.ts";
import { codeOf } from "./folder-errors.ts";
import type { FolderParts } from "./folder-parts.ts";
import { parentOf } from "./inner-folders.ts";

/** Finds a file that is the archive already. Null if nothing has its name; TargetOccupiedError for anything else. */
export async function findCopy(
  { folders, pool }: FolderParts,
  { path, sizeBytes, treeHash }: ArchiveFacts,
  signal: AbortSignal,
): Promise<StoredCopy | null> {
  return folders.ifPresent(parentOf(path), async (folder) => {
    await using file = await openIfPresent(folder.entry(basename(path)), path);
    if (file === null) {
      return null;
    }
    const stats = await file.stat();
    const isLikely = stats.isFile() && stats.size === sizeBytes && sizeBytes > 0;
    const digest = isLikely ? await hashesOf(file, sizeBytes, pool, signal) : null;
    if (digest?.treeHash !== treeHash) {
      throw occupied(path);
    }
    // Another program may have written it a moment ago.
    await file.sync();
    await folder.sync();
    return { location: path, sha256: digest.sha256 };
  });
}

async function openIfPresent(entry: string, path: string): Promise<FileHandle | null> {
  try {
    return await openForReading(entry);
  } catch (error) {
    switch (codeOf(error)) {
      case "ENOENT":
        return null;
      case "ELOOP":
      case "EISDIR":
      case "ENXIO":
        throw occupied(path);
      default:
        throw error;
    }
  }
}

const occupied = (path: string) =>
  new TargetOccupiedError(`${path} exists in the target with other content, which is kept`);
