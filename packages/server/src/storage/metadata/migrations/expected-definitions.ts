import { DatabaseSync } from "node:sqlite";
import { queriesOver } from "../sqlite/sqlite-connection.ts";
import { migrate } from "./migrate.ts";

/** Statements that made the tables and indices of a database, by their names. */
export type Definitions = ReadonlyMap<string, string>;

let expected: Promise<Definitions> | undefined;

/** Resolves to the definitions that the migrations of this version make. */
export function expectedDefinitions(): Promise<Definitions> {
  expected ??= migratedDefinitions();
  return expected;
}

async function migratedDefinitions(): Promise<Definitions> {
  using database = new DatabaseSync(":memory:");
  const connection = { database, db: queriesOver(database), path: ":memory:" };
  // No row is sealed in it.
  await migrate(connection, { mayCreate: true, secret: { key: Buffer.alloc(32), newDataKey: null } });
  return definitionsOf(database);
}

/** Reads the definitions of a database, but for those that SQLite and Kysely make by themselves, each version in its own words. */
export function definitionsOf(database: DatabaseSync): Definitions {
  const rows = database
    .prepare("SELECT name, sql FROM sqlite_schema WHERE tbl_name NOT GLOB 'sqlite_*' AND tbl_name NOT GLOB 'kysely_*'")
    .all();
  return new Map(rows.map(({ name, sql }) => [String(name), String(sql)]));
}
