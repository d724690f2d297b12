import type { DatabaseSync } from "node:sqlite";
import type { Connection } from "../sqlite-connection.ts";
import { failureOf } from "../sqlite-failure.ts";

/**
 * Moves the whole log into the database, durably, before anything is acknowledged: what a failed sync left in the page cache alone
 * is in the database then, and what is committed next starts the log again. Throws when it is not complete. Only on a full disk
 * the log stays as it is: it was written again before, and synced.
 */
export function moveWholeLog({ database, path }: Connection, mode: "RESTART" | "TRUNCATE"): void {
  try {
    if (!isLogMoved(database, mode)) {
      throw new Error("The database's log cannot be moved into the database: another program reads it");
    }
  } catch (error) {
    if (failureOf(error, path) !== "full") {
      throw error;
    }
  }
}

/** False when another program reads the log, after a while of waiting for it. */
export function isLogMoved(database: DatabaseSync, mode: "RESTART" | "TRUNCATE"): boolean {
  const row = database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
  return row?.["busy"] === 0 && row["log"] === row["checkpointed"];
}
