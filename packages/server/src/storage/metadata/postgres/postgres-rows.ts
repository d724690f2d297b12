import { postgresMigrationNames } from "../migrations/postgres/migrate.ts";
import type { RowReader } from "../row-reader.ts";
import { bucketRow } from "./bucket-row.ts";
import type { DatabaseUrl } from "./database-url.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { ConnectionLostError } from "./postgres-failure.ts";

const undefinedTable = "42P01";

/**
 * Reads the rows of a database next to its nodes, on one connection, which the server lets change nothing. Rejects when the schema is not the one of
 * this version.
 */
export async function openPostgresRows(url: DatabaseUrl): Promise<RowReader & AsyncDisposable> {
  const { default: driver } = await import("pg");
  const connect = async () => {
    const connection = await PostgresConnection.open(driver, url);
    await connection.query("set default_transaction_read_only = on");
    return connection;
  };
  let connection = await connect();
  const select: RowReader["select"] = async (sql, values) => {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return (await connection.query(sql, values)).rows;
      } catch (error) {
        if (!isFirst || !(error instanceof ConnectionLostError)) {
          throw error;
        }
        // A standby may have been promoted.
        connection = await connect();
      }
    }
  };
  const dispose = async () => connection.close();
  try {
    await assertSchema(select, url.name);
  } catch (error) {
    await dispose();
    throw error;
  }
  const { read } = bucketRow(connect);
  return { name: url.name, bindings: { read }, select, [Symbol.asyncDispose]: dispose };
}

async function assertSchema(select: RowReader["select"], name: string): Promise<void> {
  const rows = await select("select name from kysely_migration order by name", []).catch((error: { code?: string }) => {
    throw error.code === undefinedTable ? new Error(`${name} has no tables of this service`) : error;
  });
  const applied = rows.map((row) => String(row["name"]));
  if (applied.join() !== postgresMigrationNames.join()) {
    throw new Error(
      `${name} has the schema ${applied.at(-1) ?? "none"}, and this version reads ${postgresMigrationNames.at(-1)}: ` +
        "use the version of its nodes",
    );
  }
}
