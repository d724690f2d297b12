import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import type { CopyFacts, CopyState } from "../target.ts";
import { hashesOf, openForReading } from "./file-hashes.ts";
import { codeOf } from "./folder-errors.ts";
import type { FolderParts } from "./folder-parts.ts";
import { parentOf } from "./inner-folders.ts";

/** Reads a copy. A link, or a folder on the way that is one, is a change: no copy is stored that way. */
export async function checkFile(parts: FolderParts, copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
  const state = await parts.folders.ifPresent(parentOf(copy.location), async (folder) => {
    try {
      await using file = await openForReading(folder.entry(basename(copy.location)));
      return (await isSame(parts, file, copy, signal)) ? "sound" : "changed";
    } catch (error) {
      return stateOf(error);
    }
  });
  return state ?? "missing";
}

function stateOf(error: unknown): CopyState {
  switch (codeOf(error)) {
    case "ENOENT":
      return "missing";
    case "ELOOP":
    case "EISDIR":
    case "ENXIO":
      return "changed";
    default:
      throw error;
  }
}

async function isSame(
  { pool }: FolderParts,
  file: FileHandle,
  { sizeBytes, treeHash, sha256 }: CopyFacts,
  signal: AbortSignal,
): Promise<boolean> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size !== sizeBytes || sizeBytes === 0) {
    return false;
  }
  const digest = await hashesOf(file, sizeBytes, pool, signal);
  return digest.treeHash === treeHash && (sha256 === null || digest.sha256 === sha256);
}
