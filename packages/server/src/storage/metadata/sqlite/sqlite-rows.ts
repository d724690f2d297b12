import type { DatabaseSync } from "node:sqlite";
import type { RowReader } from "../row-reader.ts";

/** Reads rows of an open database. SQLite's driver binds parameters without a name in their order. */
export const selectFrom =
  (database: DatabaseSync): RowReader["select"] =>
  async (sql, values) =>
    database.prepare(sql.replaceAll(/\$\d/g, "?")).all(...values);
