import { open, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { BlobReader, BlobStore } from "../../domain/stores/blob-store.ts";
import { errorCode } from "../../files/missing.ts";
import { FilesystemBlobReader } from "../../storage/blobs/filesystem-reader.ts";
import { quarantineName } from "../../storage/history/quarantine.ts";
import { packHead } from "../../storage/metadata/tables/packed.ts";
import { keyOf, segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import { problemOf } from "./sound-suspects.ts";

/** A sound file in the quarantine, for a segment that has none in its place. */
export interface Quarantined {
  /** Path within the data folder. */
  readonly file: string;
  readonly key: string;
  readonly ownerId: string;
  /** Why the file in the segment's place is not sound. */
  readonly problem: string;
}

/** Names of segments; a second one of the same name has a number. */
const namePattern = /^([A-Za-z0-9_-]{1,138})\.([A-Za-z0-9_-]{16})(?:\.\d+)?$/;

/** Finds files in the quarantine from which a segment can be repaired: every MiB of them has its hash, and some of what is in the place does not. */
export async function* soundQuarantined(
  dataFolder: string,
  { database, blobs }: { readonly database: DatabaseSync; readonly blobs: BlobStore },
): AsyncGenerator<Quarantined, void, void> {
  const find = database.prepare(
    `SELECT * FROM segments WHERE owner_head = ? AND substr(name, 3) = ? AND state IN ('live', 'suspect')
       AND first_byte IS NOT NULL AND size_bytes > 0`,
  );
  const found = new Set<string>();
  for (const name of await namesIn(join(dataFolder, quarantineName))) {
    const [, ownerId, nonce] = namePattern.exec(name) ?? [];
    const row =
      ownerId === undefined || nonce === undefined
        ? undefined
        : (find.get(packHead(ownerId), Buffer.from(nonce, "base64url")) as unknown as SegmentRow | undefined);
    const file = join(quarantineName, name);
    if (row === undefined || ownerId === undefined || found.has(keyOf(row))) {
      continue;
    }
    const segment = segmentOf(row);
    const problem = await problemOf(blobs, segment);
    if (problem !== null && (await problemOf({ open: () => openFile(join(dataFolder, file)) }, segment)) === null) {
      found.add(segment.key);
      yield { file, key: segment.key, ownerId, problem };
    }
  }
}

/** All names at once: files are moved out while they are looked at. */
async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (entry.isFile()) {
        names.push(entry.name);
      }
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") {
      throw error;
    }
  }
  return names.sort((one, other) => (one < other ? -1 : 1));
}

async function openFile(path: string): Promise<BlobReader> {
  const file = await open(path, "r");
  return new FilesystemBlobReader(file, (await file.stat()).size);
}
