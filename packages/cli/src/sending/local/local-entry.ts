/** A regular file that is selected. */
export interface LocalFile {
  readonly kind: "file";
  /** Its absolute path on the disk. */
  readonly file: string;
  /** Relative to the base folder, with "/" between components. */
  readonly path: string;
  readonly sizeBytes: number;
  /** In whole milliseconds, rounded. */
  readonly modifiedAt: Date;
  /** The last nine bits of the mode. */
  readonly permissions: number;
}

/** Something that is no archive by its kind: a link, a device, an empty file. */
export interface LeftOutEntry {
  readonly kind: "left-out";
  readonly path: string;
  readonly reason: string;
}

/** Something that could not be looked at. */
export interface FailedEntry {
  readonly kind: "failed";
  readonly path: string;
  readonly reason: string;
}

export type LocalEntry = LocalFile | LeftOutEntry | FailedEntry;
