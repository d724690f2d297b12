import type { NameFormat } from "./decoded-name.ts";

/** A path that takes precedence over the one in an archive's description. Not safe for a disk yet. */
export interface NameOverride {
  readonly archiveId: string;
  readonly path: string;
  readonly format: NameFormat & ("names-file" | "synology");
}

/** Error thrown for a file of names that cannot be read, or has an invalid row. Its name has the exit code of a wrong argument. */
export class NamesFileError extends Error {
  override readonly name = "UsageError";
}
