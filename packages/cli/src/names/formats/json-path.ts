import { type DecodedName, decodedName } from "../decoded-name.ts";
import { parseJsonObject, stringField } from "../encodings/json-object.ts";
import { parseTimestamp } from "../encodings/timestamp.ts";

/**
 * Decodes an object with a path of no program known here, as scripts write them: `Path`, `FilePath`, `Filename` or `Name` in any case, and
 * perhaps `mtime`. AWS's own guidance for moving vaults to S3 reads `Path` and `path`.
 */
export function decodeJsonPath(description: string): DecodedName | null {
  const value = parseJsonObject(description);
  if (value === null) {
    return null;
  }
  const path = stringField(value, "path", "filepath", "filename", "file", "name")?.trim();
  if (path === undefined) {
    return null;
  }
  if (path === "") {
    return decodedName("none", "");
  }
  const size = value["size"];
  return decodedName("json-path", path, {
    modifiedAt: parseTimestamp(stringField(value, "mtime", "modified", "lastmodified")),
    sizeBytes: Number.isSafeInteger(size) && Number(size) >= 0 ? Number(size) : null,
  });
}
