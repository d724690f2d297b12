import type { CatalogDatabase } from "./catalog-database.ts";
import { CatalogError, rebuildHint } from "./catalog-error.ts";
import { applicationId, schemaVersion } from "./schema.ts";

/** Throws CatalogError for a file that is no catalogue, or one of another version. */
export function assertVersion(database: CatalogDatabase): void {
  const { path } = database;
  if (readPragma(database, "application_id") !== applicationId) {
    throw new CatalogError(`${path} is not a catalogue: name another file with --catalog`);
  }
  const version = readPragma(database, "user_version");
  if (version !== schemaVersion) {
    throw new CatalogError(
      `The catalogue ${path} has version ${version}, and this program reads version ${schemaVersion}: use a newer moraine, or ${rebuildHint}`,
    );
  }
}

export function readPragma(database: CatalogDatabase, name: "application_id" | "user_version"): number {
  return database.get<Record<string, number>>(`PRAGMA ${name}`)?.[name] ?? 0;
}
