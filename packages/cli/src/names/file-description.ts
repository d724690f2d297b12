import { type Fields, parseJsonObject } from "./encodings/json-object.ts";

/** A file as the description of its archive records it. */
export interface DescribedFile {
  /** Relative, with "/" between components. */
  readonly path: string;
  readonly modifiedAt: Date;
  /** The permissions: the last nine bits of the mode. */
  readonly permissions: number;
}

export type DescriptionFormat = "json" | "mt2";
export const descriptionFormats: readonly DescriptionFormat[] = ["json", "mt2"];

/** The limit of the API, whose descriptions are printable ASCII. */
const descriptionLengthMax = 1024;

/**
 * Returns the description of a file's archive: JSON like {"path":"a/b.txt","mtime":"2019-05-01T10:00:59.123Z","mode":"0644"}, or `mt2` as
 * mt-aws-glacier writes and reads it, which has whole seconds and no mode. A path that is too long for JSON, where each letter beyond
 * ASCII takes six characters, gets `mt2`, where it takes four at most. Null if it is too long for that as well.
 */
export function describeFile(file: DescribedFile, format: DescriptionFormat): string | null {
  const texts = format === "json" ? [asJson(file), asMt2(file)] : [asMt2(file)];
  return texts.find((text) => text !== null && text.length <= descriptionLengthMax) ?? null;
}

/** Returns the permissions that a description records, without bits like setuid; null if it records none. */
export function permissionsIn(description: string): number | null {
  const fields = parseJsonObject(description.trim());
  return fields === null ? null : permissionsOf(fields);
}

/** Returns the permissions of a description's `mode`. */
export function permissionsOf(fields: Fields): number | null {
  const mode = fields.get("mode");
  return typeof mode === "string" && /^0?[0-7]{3}$/.test(mode) ? Number.parseInt(mode, 8) : null;
}

function asJson({ path, modifiedAt, permissions }: DescribedFile): string {
  const date = dateOf(modifiedAt);
  const mode = `0${(permissions & 0o777).toString(8).padStart(3, "0")}`;
  return JSON.stringify({ path, ...(date !== null && { mtime: date }), mode }).replaceAll(/[^ -~]/g, escapeOf);
}

/** Documented in mt-aws-glacier's lib/App/MtAws/MetaData.pm: base64url without padding. It reads no name without a date. */
function asMt2({ path, modifiedAt }: DescribedFile): string | null {
  const date = dateOf(modifiedAt);
  if (date === null) {
    return null;
  }
  const mtime = date.replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  return `mt2 ${Buffer.from(JSON.stringify({ filename: path, mtime })).toString("base64url")}`;
}

/** Null for years that have not four digits, which neither format can express. */
function dateOf(date: Date): string | null {
  const text = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  return /^[1-9]\d{3}-/.test(text) ? text : null;
}

const escapeOf = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
