/** Error thrown when a catalogue cannot be used. Its message is one line, and ends with what to do. */
export class CatalogError extends Error {
  override readonly name = "CatalogError";
}

/** A catalogue holds nothing that cannot be had again, so this is the remedy of any damage. */
export const rebuildHint = "make it again from an inventory: moraine catalog import VAULT --rebuild";

/** Returns the error to report for an error of SQLite at this file, and any other error unchanged. */
export function toCatalogError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) {
    return error;
  }
  const primaryCode = Number(error.errcode) & 0xff;
  const explain = explanations[primaryCode];
  return explain === undefined ? error : new CatalogError(explain(path, error.message), { cause: error });
}

/** SQLite's primary result codes for a damaged file, one that is no database, and one without a table that it should have. */
const codesOfDamage: readonly number[] = [11, 26, 1];

/** Whether SQLite has found that a file is damaged. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof CatalogError ? error.cause : error;
  return cause instanceof Error && "errcode" in cause && codesOfDamage.includes(Number(cause.errcode) & 0xff);
}

/** By SQLite's primary result codes. */
const explanations: Readonly<Record<number, (path: string, message: string) => string>> = {
  5: (path) => `The catalogue ${path} is locked by another process: wait until that has ended, or stop it`,
  6: (path) => `The catalogue ${path} is locked by another process: wait until that has ended, or stop it`,
  8: (path) =>
    `The catalogue ${path} cannot be written: make the file and its folder writable, or name another file with --catalog`,
  10: (path, message) => `The catalogue ${path} cannot be read or written (${message}): check the disk`,
  11: (path, message) => `The catalogue ${path} is damaged (${message}): ${rebuildHint}`,
  13: (path) =>
    `The disk of the catalogue ${path} is full, or that of temporary files (SQLITE_TMPDIR): free some space, and run the same command again`,
  14: (path, message) =>
    `The catalogue ${path} cannot be opened (${message}): make its folder writable, or name another file with --catalog`,
  26: (path) => `${path} is not a catalogue: name another file with --catalog, or ${rebuildHint}`,
};
