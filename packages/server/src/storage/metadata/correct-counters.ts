import { openWriting } from "./sqlite/sqlite-connection.ts";
import type { VaultRow } from "./tables/schema.ts";

/** Counters with which the row of a vault has the MAC that it has. */
export type ProvenCounters = Pick<VaultRow, "id" | "archive_count" | "archive_bytes" | "archive_sum">;

/** Gives rows of vaults their counters back, in a database that is closed and locked. The MACs stay as they are. */
export async function correctCounters(databaseFile: string, corrections: readonly ProvenCounters[]): Promise<void> {
  const { database, db } = openWriting(databaseFile, false);
  try {
    database.exec("BEGIN IMMEDIATE");
    for (const { id, ...counters } of corrections) {
      await db.updateTable("vaults").set(counters).where("id", "=", id).execute();
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
