import type { DatabaseSync } from "node:sqlite";
import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import { CannotVerifyError, DatabaseLostError, type OpenedFolder } from "./open-folder.ts";

/** Throws unless the schema is the one that the checks are written for. */
export function assertSchema({ database, path }: OpenedFolder): void {
  const applied = appliedMigrations(database);
  if (!isHistory(applied)) {
    throw new DatabaseLostError(`the database's list of migrations is damaged: ${applied.join(", ") || "it is empty"}`);
  }
  if (applied.length !== migrationNames.length) {
    throw new CannotVerifyError(
      `The database of ${path} has the schema ${applied.at(-1)}, and this version verifies ${migrationNames.at(-1)}: ` +
        "use the version of its server, or start the server once with this one",
    );
  }
}

/** Throws DatabaseLostError when they cannot be read. */
export function appliedMigrations(database: DatabaseSync): string[] {
  try {
    const rows = database.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    return rows.map(({ name }) => String(name));
  } catch (error) {
    throw new DatabaseLostError(`the database cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether an older, this, or a newer version can have applied these migrations. */
export const isHistory = (applied: readonly string[]): boolean =>
  applied.length > 0 && applied.slice(0, migrationNames.length).every((name, index) => name === migrationNames[index]);
