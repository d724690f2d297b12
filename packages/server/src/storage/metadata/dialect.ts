import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import type { Database } from "./tables/schema.ts";

// Differences between the databases' languages that queries cannot do without: all of them are here.

/** A byte that is written into the SQL, so that the planner sees that a partial index fits. */
export function byteLiteral(db: Database, byte: number): RawBuilder<Uint8Array> {
  const digits = byte.toString(16).padStart(2, "0");
  return sql.raw(isPostgres(db) ? `'\\x${digits}'::bytea` : `x'${digits}'`);
}

/** For an insertion that gives a number to a row which the database would number. */
export function overridingIdentity(db: Database): RawBuilder<unknown> {
  return sql.raw(isPostgres(db) ? "overriding system value" : "");
}

const isPostgres = (db: Database): boolean => db.getExecutor().adapter instanceof PostgresAdapter;
