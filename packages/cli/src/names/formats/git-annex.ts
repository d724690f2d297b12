import { type DecodedName, decodedName } from "../decoded-name.ts";
import { parseEpochSeconds } from "../encodings/timestamp.ts";

/**
 * Decodes a key of git-annex: `BACKEND[-sSIZE][-mMTIME][-SCHUNKSIZE-CCHUNK]--NAME`, after the prefix that a special remote may have. Documented
 * at https://git-annex.branchable.com/internals/key_format/. The path is the key: only the repository knows the name of the file.
 */
export function decodeGitAnnex(description: string): DecodedName | null {
  const found = key.exec(description);
  if (found === null) {
    return null;
  }
  const [, backend = "", fields = ""] = found;
  const size = /-s(\d{1,15})(?!\d)/.exec(fields)?.[1];
  const chunk = /-C(\d{1,15})(?!\d)/.exec(fields)?.[1];
  const notes = [
    "a key of git-annex, whose repository has the name",
    ...(chunk === undefined ? [] : [`chunk ${chunk} of a file`]),
    ...(backend.startsWith("GPG") ? ["encrypted by git-annex"] : []),
  ];
  return decodedName("git-annex", description, {
    modifiedAt: parseEpochSeconds(/-m(\d{1,12})(?!\d)/.exec(fields)?.[1] ?? ""),
    notes,
    sizeBytes: size === undefined ? null : Number(size),
  });
}

/** Backends by name, since a text of somebody may have two hyphens after capitals as well. */
const key =
  /(?:^|[^A-Z0-9])((?:SHA\d{1,3}|SHA3_\d{3}|SKEIN\d{3}|BLAKE2[BS]P?\d{3}|MD5|WORM|URL|GPGHMAC(?:SHA\d{1,3}|MD5))E?)((?:-[smSC]\d{1,20})*)--[^\n/]+$/;
