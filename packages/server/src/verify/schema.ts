import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import { CannotVerifyError, DatabaseLostError, type OpenedFolder } from "./open-folder.ts";

/** Throws unless the schema is the one that the checks are written for. */
export function assertSchema({ database, path }: OpenedFolder): void {
  let applied: string[];
  try {
    const rows = database.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    applied = rows.map(({ name }) => String(name));
  } catch (error) {
    throw new DatabaseLostError(`the database cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const other = applied.find((name) => !migrationNames.includes(name));
  if (other !== undefined || applied.length !== migrationNames.length) {
    const schema = other ?? applied.at(-1) ?? "none";
    throw new CannotVerifyError(
      `The database of ${path} has the schema ${schema}, and this version verifies ${migrationNames.at(-1)}: ` +
        "use the version of its server, or start the server once with this one",
    );
  }
}
