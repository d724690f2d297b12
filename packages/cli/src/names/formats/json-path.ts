import { type DecodedName, decodedName } from "../decoded-name.ts";
import { type Fields, parseJsonObject, sizeField, stringField } from "../encodings/json-object.ts";
import { parseEpochSeconds, parseTimestamp } from "../encodings/timestamp.ts";

/**
 * Decodes an object with a path of no program known here, as scripts write them: `path`, `filepath`, `filename`, `file` or `name` in any
 * case, and perhaps `mtime` and `size`. AWS's guidance for moving vaults to S3 reads `Path` and `path`.
 */
export function decodeJsonPath(description: string): DecodedName | null {
  const fields = parseJsonObject(description);
  const path = fields === null ? undefined : stringField(fields, "path", "filepath", "filename", "file", "name");
  if (fields === null || path === undefined) {
    return null;
  }
  return path.trim() === ""
    ? decodedName("none", "")
    : decodedName("json-path", path, { modifiedAt: dateIn(fields), sizeBytes: sizeField(fields, "size") });
}

function dateIn(fields: Fields): Date | null {
  const date = ["mtime", "modified", "lastmodified"]
    .map((name) => fields.get(name))
    .find((field) => field !== undefined);
  return typeof date === "number" ? parseEpochSeconds(String(date)) : parseTimestamp(date);
}
