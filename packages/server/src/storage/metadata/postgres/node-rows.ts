import { millisecondsPer } from "@moraine/protocol";
import { databaseNow } from "./postgres-batch.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** A process that uses the database. */
export interface NodeDescription {
  /** New with each start. */
  readonly id: string;
  readonly host: string;
  readonly version: string;
}

/** Nodes that ended without saying so are forgotten after a day. */
const forgottenMilliseconds = millisecondsPer.day;

export async function registerNode(
  connection: PostgresConnection,
  { id, host, version }: NodeDescription,
): Promise<void> {
  await connection.query(`delete from nodes where seen_at < ${databaseNow} - $1`, [forgottenMilliseconds]);
  await connection.query(
    `insert into nodes (id, host, version, started_at, seen_at, batch)
      values ($1, $2, $3, ${databaseNow}, ${databaseNow}, 0)`,
    [id, host, version],
  );
}

/** A node that has ended in order is no longer listed. */
export async function removeNode(connect: () => Promise<PostgresConnection>, id: string): Promise<void> {
  const connection = await connect().catch(() => null);
  // Without a database nobody lists it either; its row is forgotten in a day.
  await connection?.query("delete from nodes where id = $1", [id]).catch(() => undefined);
  connection?.close();
}
