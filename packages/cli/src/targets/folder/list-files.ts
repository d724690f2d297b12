import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { ownFolder, topDocuments } from "./documents.ts";

/** Yields all files below a folder but the documents. Links are listed, and not followed. */
export async function* listFiles(
  root: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly location: string; readonly sizeBytes: number }, void, void> {
  for await (const { location, entry } of entriesBelow(root, "", signal)) {
    if (!entry.isDirectory()) {
      const stats = await lstat(join(root, location)).catch(() => null);
      if (stats !== null) {
        yield { location, sizeBytes: stats.size };
      }
    }
  }
}

async function* entriesBelow(
  root: string,
  relative: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly location: string; readonly entry: Dirent }, void, void> {
  for await (const entry of await opendir(join(root, relative))) {
    signal.throwIfAborted();
    const isOurs = relative === "" && (entry.name === ownFolder || topDocuments.has(entry.name));
    if (isOurs) {
      continue;
    }
    const location = relative === "" ? entry.name : `${relative}/${entry.name}`;
    yield { location, entry };
    if (entry.isDirectory()) {
      yield* entriesBelow(root, location, signal);
    }
  }
}
