import { millisecondsPer } from "@moraine/protocol";
import { migratePostgres } from "../storage/metadata/migrations/postgres/migrate.ts";
import { checkDurability } from "../storage/metadata/postgres/durability.ts";
import { databaseNow } from "../storage/metadata/postgres/postgres-batch.ts";
import { PostgresConnection } from "../storage/metadata/postgres/postgres-connection.ts";
import type { ClusterPlace } from "./arguments.ts";
import { CopyError } from "./place.ts";

/** Nodes show that they live every few seconds. One that was not seen for longer has ended, or cannot change anything. */
const seenMilliseconds = millisecondsPer.minute;

/** Opens a connection to the database that can be written now. */
export async function connectTo({ database }: Pick<ClusterPlace, "database">): Promise<PostgresConnection> {
  const { default: driver } = await import("pg");
  return PostgresConnection.open(driver, database);
}

/** Like {@link connectTo}, and brings the tables to this version. Rejects a server that would lose what it acknowledges. */
export async function openConnection(place: ClusterPlace): Promise<PostgresConnection> {
  const connection = await connectTo(place);
  try {
    await checkDurability(connection, place.isInsecureAllowed);
    await migratePostgres(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Runs changes in a transaction that holds the turn of all changes: no node starts, or changes anything, meanwhile. */
export async function inTurn<Result>(connection: PostgresConnection, work: () => Promise<Result>): Promise<Result> {
  return inTransaction(connection, async () => {
    await connection.query("select id from writer_turn where id = 1 for update");
    return work();
  });
}

export async function inTransaction<Result>(
  connection: PostgresConnection,
  work: () => Promise<Result>,
): Promise<Result> {
  await connection.query("begin");
  try {
    connection.takeWarnings();
    const result = await work();
    const { command } = await connection.query("commit");
    const warnings = connection.takeWarnings();
    if (command !== "COMMIT" || warnings.length > 0) {
      throw new Error(`A commit was not confirmed: ${[command, ...warnings].join("; ")}`);
    }
    return result;
  } catch (error) {
    await connection.query("rollback").catch(() => connection.close());
    throw error;
  }
}

/** Rejects while a node uses the database. In its turn. */
export async function assertNoNodes(connection: PostgresConnection, name: string): Promise<void> {
  const { rows } = await connection.query(`select host from nodes where seen_at > ${databaseNow} - $1 limit 1`, [
    seenMilliseconds,
  ]);
  const [row] = rows;
  if (row !== undefined) {
    throw new CopyError(
      `${name} is in use: its node on ${row["host"]} was seen within the last minute. Stop all nodes; after a crash, wait a minute`,
    );
  }
}
