import { type DecodedName, decodedPosixName } from "../decoded-name.ts";
import { decodeBase64Text, decodeUtf8 } from "../encodings/base64-text.ts";
import { parseJsonObject, stringField } from "../encodings/json-object.ts";
import { parseTimestamp } from "../encodings/timestamp.ts";

/**
 * Decodes `mt1` and `mt2` of mt-aws-glacier: a marker, a space, and JSON in base64url with `filename` and `mtime`. Documented in its
 * lib/App/MtAws/MetaData.pm. The JSON of `mt1`, written from December 2012 to January 2013, was encoded in UTF-8 twice.
 *
 * A name without a valid date is accepted: the name is what matters. The program runs on POSIX systems alone, so a backslash stays.
 */
export function decodeMtAwsGlacier(description: string): DecodedName | null {
  const [, version, encoded = ""] = /^mt([12])\s+([\w+/=-]+)$/.exec(description) ?? [];
  const json = version === undefined ? null : decodeBase64Text(encoded);
  const fields = json === null ? null : parseJsonObject(version === "1" ? decodedTwice(json) : json);
  const filename = fields === null ? undefined : stringField(fields, "filename");
  return filename === undefined || filename === ""
    ? null
    : decodedPosixName(version === "1" ? "mt1" : "mt2", filename, { modifiedAt: parseTimestamp(fields?.get("mtime")) });
}

/** Decodes the inner UTF-8, of which each byte became a character. Other characters mean that it was encoded only once. */
function decodedTwice(text: string): string {
  return (/^[\0-\xff]*$/.test(text) ? decodeUtf8(Buffer.from(text, "latin1")) : null) ?? text;
}
