import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import type { Database } from "./tables/schema.ts";

// Differences between the databases' languages that queries cannot do without: all of them are here.

/** A byte that is written into the SQL, so that the planner sees that a partial index fits. */
export function byteLiteral(db: Database, byte: number): RawBuilder<Uint8Array> {
  const digits = byte.toString(16).padStart(2, "0");
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  return sql.raw(isPostgres ? `'\\x${digits}'::bytea` : `x'${digits}'`);
}
