import { openWritable } from "../../storage/metadata/sqlite/sqlite-database.ts";
import type { WrongCounters } from "../plan/wrong-counters.ts";

/** Gives rows of vaults the counters with which they have their MACs, in a database that is closed and locked. */
export function correctCounters(databaseFile: string, corrections: readonly WrongCounters[]): void {
  const database = openWritable(databaseFile, false);
  try {
    database.exec("BEGIN IMMEDIATE");
    const update = database.prepare(
      "UPDATE vaults SET archive_count = ?, archive_bytes = ?, archive_sum = ? WHERE id = ?",
    );
    for (const { id, right } of corrections) {
      update.run(right.archive_count, right.archive_bytes, right.archive_sum, id);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
