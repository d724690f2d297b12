import { isTreeHash } from "@moraine/protocol";

/** A verified copy, as a line of MANIFEST.jsonl records it. */
export interface ManifestEntry {
  readonly archiveId: string;
  /** The path that was decoded from the description. */
  readonly path: string;
  /** Where the target has the copy: its path, its key, or its archive id. */
  readonly location: string;
  readonly description: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** Null where the bytes were not seen in order, as of an archive that was resumed into another vault. */
  readonly sha256: string | null;
  readonly modifiedAt: Date | null;
  readonly createdAt: Date;
  readonly verifiedAt: Date;
}

/** Error thrown for a manifest that cannot be used; the message is one line. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** Formats an entry as a line, with the line break. A location that is the path is left out. */
export function lineOf(entry: ManifestEntry): string {
  const { archiveId, path, location, description, sizeBytes, treeHash, sha256 } = entry;
  const fields = {
    archiveId,
    path,
    ...(location !== path && { location }),
    description,
    bytes: sizeBytes,
    treeHash,
    sha256,
    mtime: entry.modifiedAt?.toISOString() ?? null,
    createdAt: entry.createdAt.toISOString(),
    verifiedAt: entry.verifiedAt.toISOString(),
  };
  return `${JSON.stringify(fields)}\n`;
}

/** Parses a line. Throws ManifestError with the reason, without the line's number. */
export function entryOf(line: string): ManifestEntry {
  const fields = objectOf(line);
  const path = text(fields, "path");
  return {
    archiveId: text(fields, "archiveId"),
    path,
    location: fields["location"] === undefined ? path : text(fields, "location"),
    description: text(fields, "description"),
    sizeBytes: size(fields),
    treeHash: hash(fields, "treeHash"),
    sha256: (fields["sha256"] ?? null) === null ? null : hash(fields, "sha256"),
    modifiedAt: (fields["mtime"] ?? null) === null ? null : date(fields, "mtime"),
    createdAt: date(fields, "createdAt"),
    verifiedAt: date(fields, "verifiedAt"),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ManifestError("is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ManifestError("is not a JSON object");
  }
  return value as Fields;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") {
    throw new ManifestError(`has no ${name}`);
  }
  return value;
}

function size({ bytes }: Fields): number {
  if (!(typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0)) {
    throw new ManifestError("has no number of bytes");
  }
  return bytes;
}

function hash(fields: Fields, name: string): string {
  const value = text(fields, name);
  if (!isTreeHash(value)) {
    throw new ManifestError(`has a ${name} that is not 64 hexadecimal digits`);
  }
  return value;
}

function date(fields: Fields, name: string): Date {
  const value = new Date(text(fields, name));
  if (Number.isNaN(value.getTime())) {
    throw new ManifestError(`has an invalid date in ${name}`);
  }
  return value;
}
