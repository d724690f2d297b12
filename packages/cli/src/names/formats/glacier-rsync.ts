import { type DecodedName, decodedName } from "../decoded-name.ts";
import { parseEpochSeconds } from "../encodings/timestamp.ts";

/**
 * Decodes `grsync|path|size|mtime|text` of glacier-rsync, documented in the README of cagdasbas/glacier-rsync: an absolute path, the size of
 * the original file, its modification time in seconds since 1970, and a text of the user. Nothing is escaped: a path ends at the first size
 * and time. An archive that is smaller than its file was compressed (zstd), which the description does not say.
 */
export function decodeGlacierRsync(description: string): DecodedName | null {
  const found = /^grsync\|(.+?)\|(\d{1,15})\|(-?\d{1,12}(?:\.\d{1,9})?)\|/s.exec(description);
  if (found === null) {
    return null;
  }
  const [, path = "", size, seconds = ""] = found;
  return decodedName("glacier-rsync", path, { modifiedAt: parseEpochSeconds(seconds), sizeBytes: Number(size) });
}
