import { type DecodedName, decodedName, decodedPosixName } from "../decoded-name.ts";
import { type Fields, parseJsonObject, sizeField, stringField } from "../encodings/json-object.ts";
import { parseEpochSeconds, parseTimestamp } from "../encodings/timestamp.ts";
import { permissionsOf } from "../file-description.ts";

/**
 * Decodes an object with a path of no program known here, as scripts write them: `path`, `filepath`, `filename`, `file` or `name` in any
 * case, and perhaps `mtime`, `size` and `mode`. AWS's guidance for moving vaults to S3 reads `Path` and `path`.
 *
 * `mode` has the permissions of a POSIX system, as `moraine send` writes them: there a backslash separates nothing.
 */
export function decodeJsonPath(description: string): DecodedName | null {
  const fields = parseJsonObject(description);
  const path = fields === null ? undefined : stringField(fields, "path", "filepath", "filename", "file", "name");
  if (fields === null || path === undefined) {
    return null;
  }
  const isPosix = permissionsOf(fields) !== null;
  // A file there may be called by a space; other programs have nothing to say with it.
  if ((isPosix ? path : path.trim()) === "") {
    return decodedName("none", "");
  }
  const decoded = isPosix ? decodedPosixName : decodedName;
  return decoded("json-path", path, { modifiedAt: dateIn(fields), sizeBytes: sizeField(fields, "size") });
}

function dateIn(fields: Fields): Date | null {
  const date = ["mtime", "modified", "lastmodified"]
    .map((name) => fields.get(name))
    .find((field) => field !== undefined);
  return typeof date === "number" ? parseEpochSeconds(String(date)) : parseTimestamp(date);
}
