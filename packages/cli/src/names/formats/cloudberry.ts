import { type DecodedName, decodedName } from "../decoded-name.ts";
import { parseJsonObject, stringField } from "../encodings/json-object.ts";
import { parseTimestamp } from "../encodings/timestamp.ts";
import { decodeUtf7 } from "../encodings/utf-7.ts";

/**
 * Decodes the JSON of CloudBerry (MSP360) Explorer and Backup: `Path` in UTF-7, `UTCDateModified`, and perhaps `Flags`, of which 1 means
 * compressed and 2 encrypted. Its authors described the format on Stack Overflow. Bits of `Flags` that they did not explain are shown as a
 * number.
 *
 * A path that is not valid UTF-7 is left as it is, like that in the tests of AWS's guidance for moving vaults to S3.
 */
export function decodeCloudBerry(description: string): DecodedName | null {
  const fields = parseJsonObject(description);
  const path = fields === null ? undefined : stringField(fields, "path");
  const flags = fields?.get("flags");
  if (path === undefined || path.trim() === "" || !(fields?.has("utcdatemodified") || typeof flags === "number")) {
    return null;
  }
  const decoded = decodeUtf7(path);
  const isMisspelt = decoded === null && path.includes("+");
  const notes = [...notesOf(flags), ...(isMisspelt ? ["with a path that is not valid UTF-7"] : [])];
  return decodedName("cloudberry", decoded ?? path, {
    modifiedAt: parseTimestamp(fields?.get("utcdatemodified")),
    notes,
  });
}

function notesOf(flags: unknown): readonly string[] {
  if (typeof flags !== "number" || !Number.isInteger(flags) || flags < 0 || flags > 0x7f_ff_ff_ff) {
    return [];
  }
  const others = flags & ~(compressed | encrypted);
  return [
    ...((flags & compressed) === 0 ? [] : ["compressed by CloudBerry"]),
    ...((flags & encrypted) === 0 ? [] : ["encrypted by CloudBerry"]),
    ...(others === 0 ? [] : [`with unknown flags of CloudBerry: ${others}`]),
  ];
}

const compressed = 1;
const encrypted = 2;
