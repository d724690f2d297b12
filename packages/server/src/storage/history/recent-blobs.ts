import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isBlobName, shelfOf } from "../blobs/blob-key.ts";
import type { HistoryMarker } from "./marker.ts";

/** A folder that could not be made is skipped; after this many in a row the run made no more. */
const gapMax = 8;
const shelvesMax = 65_536;
/** The blobs stored last lie in the last folder, unless that one has just been started. */
const shelvesRead = 2;

/**
 * The keys of the blobs that the run of the marker stored last: one to two thousand at most. Their folders follow from the
 * marker, so that nothing has to be listed but them.
 */
export function recentBlobs(blobs: string, { shelfSeed, since }: HistoryMarker): string[] {
  return lastShelves(blobs, shelfSeed, since).flatMap((shelf) =>
    readdirSync(join(blobs, shelf))
      .filter((name) => isBlobName(name) && changedSince(join(blobs, shelf, name), since))
      .map((name) => `${shelf}/${name}`),
  );
}

function lastShelves(blobs: string, shelfSeed: string, since: number): string[] {
  const used: string[] = [];
  let gap = 0;
  for (let index = 0; index < shelvesMax && gap <= gapMax; index += 1) {
    const shelf = shelfOf(shelfSeed, index);
    if (changedSince(join(blobs, shelf), since)) {
      used.push(shelf);
      gap = 0;
    } else {
      gap += 1;
    }
  }
  return [...new Set(used.slice(-shelvesRead))];
}

function changedSince(path: string, since: number): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= since;
}
