import type { DatabaseSync, StatementSync } from "node:sqlite";
import { keyPlace, type PagedRows, type RowReader } from "../row-reader.ts";

/** Reads rows of an open database. */
export function selectFrom(database: DatabaseSync): RowReader["select"] {
  const prepared = new Map<string, StatementSync>();
  return async (sql, values) => {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      // SQLite's driver binds parameters without a name by their numbers.
      statement = database.prepare(sql.replaceAll(/\$(?=\d)/g, "?"));
      prepared.set(sql, statement);
    }
    return statement.all(...values);
  };
}

/** Reads tables in the order of their row ids, which needs no index: one may be damaged. */
export const pagedRowsOf = (database: DatabaseSync): PagedRows => ({
  select: selectFrom(database),
  // This one has no row ids.
  placeIn: (table) =>
    table === "upload_requests" ? keyPlace(table) : { column: `${table}.rowid`, first: Number.MIN_SAFE_INTEGER },
  async snapshot(read) {
    // A server cannot shrink its log meanwhile.
    database.exec("BEGIN");
    try {
      return await read();
    } finally {
      database.exec("ROLLBACK");
    }
  },
});
