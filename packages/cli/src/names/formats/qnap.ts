import { type DecodedName, decodedName } from "../decoded-name.ts";
import { parseJsonObject, stringField } from "../encodings/json-object.ts";

/**
 * Decodes the JSON of QNAP's Glacier app: `path` and `type`, which is "file" for files. Described by the README of
 * 6bee/qnap-backup-recovery-tool, which restores nothing of another type. Whether an archive is compressed or encrypted, the description does
 * not say. QNAP's Hybrid Backup Sync writes FastGlacier's format instead.
 */
export function decodeQnap(description: string): DecodedName | null {
  const fields = parseJsonObject(description);
  const path = fields === null ? undefined : stringField(fields, "path");
  const type = fields === null ? undefined : stringField(fields, "type");
  if (path === undefined || path.trim() === "" || type === undefined) {
    return null;
  }
  return decodedName("qnap", path, {
    notes: type === "file" ? [] : [`of QNAP's type ${JSON.stringify(type)}, not a file`],
  });
}
