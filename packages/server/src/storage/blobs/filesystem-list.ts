import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../clock/clocks.ts";
import type { BlobPage, ListedBlob } from "../../domain/stores/blob-store.ts";
import { ifPresent } from "../../files/missing.ts";

const pageFiles = 1000;

/** Lists the files below a folder by their paths in it. Memory is needed for the names in one folder. */
export async function* listFiles(folder: string, prefix: string): AsyncGenerator<BlobPage, void, void> {
  let blobs: ListedBlob[] = [];
  const page = (): BlobPage => ({ blobs, listedAt: systemClock.now() });
  for await (const key of keysBelow(folder, "", prefix)) {
    const found = await ifPresent(lstat(join(folder, key)));
    if (found !== null) {
      blobs.push({ key, sizeBytes: found.size, changedAt: Math.floor(found.mtimeMs) });
    }
    if (blobs.length === pageFiles) {
      yield page();
      blobs = [];
    }
  }
  if (blobs.length > 0) {
    yield page();
  }
}

/** @param parent empty, or with a slash at its end. */
async function* keysBelow(folder: string, parent: string, prefix: string): AsyncGenerator<string, void, void> {
  const entries = (await ifPresent(readdir(join(folder, parent), { withFileTypes: true }))) ?? [];
  // A folder is sorted with its slash, as the paths of its files are.
  const names = entries.map((entry) => `${parent}${entry.name}${entry.isDirectory() ? "/" : ""}`);
  for (const name of names.sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))) {
    if (!name.endsWith("/")) {
      if (name.startsWith(prefix)) {
        yield name;
      }
    } else if (name.startsWith(prefix) || prefix.startsWith(name)) {
      yield* keysBelow(folder, name, prefix);
    }
  }
}
