import { type DecodedName, decodedName, type NameFormat } from "../decoded-name.ts";
import { decodeBase64Text } from "../encodings/base64-text.ts";
import { parseTimestamp } from "../encodings/timestamp.ts";

/**
 * Decodes versions 1 to 4 of FastGlacier's XML, in all of which the path is UTF-8 in base64. Versions 3 and 4 are documented at
 * https://fastglacier.com/fastglacier-metadata-format.aspx; AWS's guidance for moving vaults to S3 reads the path of all four. Nothing is
 * known of a date in version 1, so it has none here. GlacialBackup, CrushFTP and QNAP's Hybrid Backup Sync write version 4, too.
 */
export function decodeFastGlacier(description: string): DecodedName | null {
  if (description.startsWith("<ArchiveMetadata>")) {
    return nameOf(elementOf(description, "Path"), "fastglacier-1");
  }
  const version = description.startsWith("<m>") ? elementOf(description, "v") : null;
  if (version === null || !/^\d{1,4}$/.test(version)) {
    return null;
  }
  const known = formats[version];
  const modifiedAt = parseTimestamp(elementOf(description, "lm"));
  const [compressed, encrypted, , size = ""] = elementOf(description, "ce")?.split(":") ?? [];
  const notes = [
    ...(known === undefined ? [`in the unknown version ${version} of FastGlacier's format, read like version 4`] : []),
    ...(compressed === "1" ? ["compressed by FastGlacier"] : []),
    ...(encrypted === "1" ? ["encrypted by FastGlacier"] : []),
  ];
  const sizeBytes = /^\d{1,15}$/.test(size) ? Number(size) : null;
  return nameOf(elementOf(description, "p"), known ?? "fastglacier-4", { modifiedAt, notes, sizeBytes });
}

const formats: Readonly<Record<string, NameFormat>> = {
  2: "fastglacier-2",
  3: "fastglacier-3",
  4: "fastglacier-4",
};

/** A folder is an archive, too: its path ends in a slash. */
function nameOf(encoded: string | null, format: NameFormat, facts: Partial<DecodedName> = {}): DecodedName | null {
  const path = encoded === null ? null : decodeBase64Text(encoded);
  if (path === null) {
    return null;
  }
  const notes = [...(facts.notes ?? []), ...(path.endsWith("/") ? ["a folder of FastGlacier, not a file"] : [])];
  return decodedName(format, path, { ...facts, notes });
}

/** Finds the text of an element without attributes, which is all that FastGlacier writes. */
function elementOf(xml: string, name: string): string | null {
  const start = xml.indexOf(`<${name}>`);
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start);
  return end < 0 ? null : xml.slice(start + name.length + 2, end).trim();
}
