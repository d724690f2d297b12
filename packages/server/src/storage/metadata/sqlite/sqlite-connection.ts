import type { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import type { DamagedRow } from "../../../domain/stores/metadata-store.ts";
import { useRowKey } from "../tables/row-macs/row-seal.ts";
import type { Database } from "../tables/schema.ts";
import { openReadOnly, openWritable } from "./sqlite-database.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";

/** The same connection twice: for transactions, and for the statements within them. */
export interface Connection {
  readonly database: DatabaseSync;
  readonly db: Database;
  /** The file, or `inMemory`. */
  readonly path: string;
}

/** The connection that changes things; makes the file if there is none and `mayCreate` says so. */
export function openWriting(path: string, mayCreate: boolean): Connection {
  return connection(openWritable(path, mayCreate), path);
}

/** The key of the rows' MACs, and the receiver of damaged rows. */
export interface RowChecking {
  readonly key: Uint8Array;
  onDamagedRow(row: DamagedRow): void;
}

/** A connection that cannot change anything; the file must have been opened for writing, and migrated, before. */
export function openReading(path: string, rows: RowChecking): Connection {
  const opened = connection(openReadOnly(path), path);
  useRowKey(opened.db, rows.key, rows.onDamagedRow);
  return opened;
}

const connection = (database: DatabaseSync, path: string): Connection => ({
  database,
  db: queriesOver(database),
  path,
});

/** An open database, as queries take it. */
export const queriesOver = (database: DatabaseSync): Database => new Kysely({ dialect: nodeSqliteDialect(database) });
