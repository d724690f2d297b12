import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { serviceFacts } from "../../domain/audit.ts";
import type { Instant } from "../../domain/time/instant.ts";
import { nodeSqliteDialect } from "./sqlite/sqlite-dialect.ts";
import { appendEntry } from "./tables/audit-chain.ts";
import type { Database } from "./tables/schema.ts";

interface Restoration {
  readonly time: Instant;
  readonly accountId: string | null;
  /** The name of the backup. */
  readonly subject: string;
  readonly reason: string;
}

/** Adds an entry to the audit trail of a copy that no server has opened: readers of the trail see later where it was cut. */
export async function noteRestore(file: string, restoration: Restoration): Promise<void> {
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file);
  try {
    // Interrupted, the copy is made again: nothing may lie next to it then.
    database.exec("PRAGMA journal_mode = MEMORY");
    const db: Database = new Kysely({ dialect: nodeSqliteDialect(database) });
    await appendEntry(db, serviceFacts({ ...restoration, operation: "RestoreBackup" }));
  } finally {
    database.close();
  }
}
