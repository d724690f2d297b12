import type { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
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

/** A connection that cannot change anything; the file must have been opened for writing before. */
export function openReading(path: string): Connection {
  return connection(openReadOnly(path), path);
}

const connection = (database: DatabaseSync, path: string): Connection => ({
  database,
  db: new Kysely({ dialect: nodeSqliteDialect(database) }),
  path,
});
