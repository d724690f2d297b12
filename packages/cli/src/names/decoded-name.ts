/** Formats in which programs write a file's name into the description of its archive. */
export type NameFormat =
  | "mt1"
  | "mt2"
  | "fastglacier-1"
  | "fastglacier-2"
  | "fastglacier-3"
  | "fastglacier-4"
  | "cloudberry"
  | "synology"
  | "qnap"
  | "arq"
  | "glacier-rsync"
  | "git-annex"
  | "json-path"
  | "text"
  | "none"
  /** A name that the user gave: see overrides.ts. */
  | "names-file";

export interface DecodedName {
  readonly format: NameFormat;
  /** As the program wrote it, with "/" between components; not safe for a disk. Empty for "none". */
  readonly path: string;
  readonly modifiedAt: Date | null;
  /** Facts that the user must know, like "compressed by CloudBerry". */
  readonly notes: readonly string[];
  /** Size of the original file, if the description has it. */
  readonly sizeBytes: number | null;
}

type Facts = Partial<Omit<DecodedName, "format" | "path">>;

/** Returns a name of a program that may have run on Windows, where a backslash separates components. */
export const decodedName = (format: NameFormat, path: string, facts: Facts = {}): DecodedName =>
  decodedPosixName(format, path.replaceAll("\\", "/"), facts);

/** Returns a name of a program that runs on POSIX systems, where a backslash is a character like others. */
export const decodedPosixName = (format: NameFormat, path: string, facts: Facts = {}): DecodedName => ({
  format,
  path,
  modifiedAt: null,
  notes: [],
  sizeBytes: null,
  ...facts,
});
