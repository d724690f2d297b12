import { closeSync, openSync } from "node:fs";
import { rename } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { syncPath } from "../files/sync-path.ts";
import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import type { OpenedFolder } from "../verify/open-folder.ts";
import { BackupFolderError } from "./backup-folder.ts";
import { type DatabaseFacts, factsOf } from "./snapshot.ts";

/** The rows of segments are read by this version's rules. */
export function factsOfKnownSchema({ database, path }: Pick<OpenedFolder, "database" | "path">): DatabaseFacts {
  const facts = factsOf(database);
  const known = migrationNames.at(-1);
  if (facts.schema !== known) {
    throw new BackupFolderError(
      `The database of ${path} has the schema ${facts.schema}, and this version copies ${known}: use the version of its server`,
    );
  }
  return facts;
}

/**
 * Copies a database as it is in one moment, also while a server changes it. The file is complete and durable when it has its name; its
 * folder is the caller's to sync.
 */
export async function copyDatabase(database: DatabaseSync, to: string): Promise<void> {
  const partial = `${to}.partial`;
  // Nobody else may read it, and SQLite would make it for all.
  closeSync(openSync(partial, "wx", 0o600));
  // SQLite takes the file that it makes for a change. The connection can still not write to the database itself.
  database.exec("PRAGMA query_only = OFF");
  database.prepare("VACUUM INTO ?").run(partial);
  await syncPath(partial);
  await rename(partial, to);
}
