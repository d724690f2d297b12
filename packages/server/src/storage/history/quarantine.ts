import { closeSync, existsSync, linkSync, mkdirSync, openSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode, ifPresent } from "../../files/missing.ts";
import { syncPathSync } from "../../files/sync-path.ts";
import { bucketOf } from "../s3/binding-file.ts";

export const quarantineName = "quarantine";
const sizedFilesMax = 1000;

/**
 * Gives the blobs of these keys a second name in the quarantine, durably: whatever is removed later, their bytes stay until
 * the operator has looked at them. A blob that does not exist is passed over. Returns how many exist. Of blobs in a bucket, an empty file
 * of that name keeps the object, if there is one.
 */
export function quarantine(dataFolder: string, keys: readonly string[]): number {
  if (keys.length === 0) {
    return 0;
  }
  const folder = join(dataFolder, quarantineName);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  syncPathSync(dirname(folder));
  const keep = bucketOf(dataFolder) === null ? linkIfPresent : makeMark;
  const kept = keys.filter((key) => keep(join(dataFolder, "blobs", key), join(folder, basename(key))));
  syncPathSync(folder);
  return kept.length;
}

/** Whether the blob of a key has a name in the quarantine. */
export const isQuarantined = (dataFolder: string, key: string): boolean =>
  existsSync(join(dataFolder, quarantineName, basename(key)));

function makeMark(_blob: string, name: string): boolean {
  closeSync(openSync(name, "a", 0o400));
  return true;
}

function linkIfPresent(blob: string, name: string): boolean {
  try {
    linkSync(blob, name);
    return true;
  } catch (error) {
    const code = errorCode(error);
    // It exists already when an earlier start was interrupted.
    if (code === "ENOENT" || code === "EEXIST") {
      return code === "EEXIST";
    }
    throw error;
  }
}

/** Counts the files in the quarantine, for the operator. Sizes are added up of the first files only. */
export async function quarantineTotals(dataFolder: string): Promise<QuarantineTotals> {
  const folder = join(dataFolder, quarantineName);
  const names = (await ifPresent(readdir(folder))) ?? [];
  let sizeBytes = 0;
  for (const name of names.slice(0, sizedFilesMax)) {
    sizeBytes += (await stat(join(folder, name))).size;
  }
  return { files: names.length, sizeBytes, isPartial: names.length > sizedFilesMax };
}

export interface QuarantineTotals {
  readonly files: number;
  readonly sizeBytes: number;
  /** Whether there are more files than were added up. */
  readonly isPartial: boolean;
}
