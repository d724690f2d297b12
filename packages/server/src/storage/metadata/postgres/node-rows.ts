import { millisecondsPer } from "@moraine/protocol";
import type { RunningNode } from "../../../domain/node.ts";
import { databaseNow, deadMilliseconds, type TurnTaker } from "./postgres-batch.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** A process that uses the database. */
export interface NodeDescription extends TurnTaker {
  readonly host: string;
  readonly version: string;
}

/** Nodes that ended without saying so are forgotten after a day. */
const forgottenMilliseconds = millisecondsPer.day;

export async function registerNode(
  connection: PostgresConnection,
  { id, host, version }: Omit<NodeDescription, "requestsInProgress">,
): Promise<void> {
  await connection.query(`delete from nodes where seen_at < ${databaseNow} - $1`, [forgottenMilliseconds]);
  await connection.query(
    `insert into nodes (id, host, version, started_at, seen_at, batch, requests_in_progress)
      values ($1, $2, $3, ${databaseNow}, ${databaseNow}, 0, 0)`,
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

/** Asks on a connection of its own: when all others are busy, an operator wants to know which node is. */
export async function listNodes(connect: () => Promise<PostgresConnection>): Promise<RunningNode[]> {
  const connection = await connect();
  const { rows } = await connection
    .query(
      `select * from (select *, ${databaseNow} - seen_at as unseen from nodes) as seen
        order by unseen >= $1, started_at, id`,
      [deadMilliseconds],
    )
    .finally(() => connection.close());
  return rows.map((row, place) => {
    const unseenMilliseconds = Math.max(0, Number(row["unseen"]));
    const isAlive = unseenMilliseconds < deadMilliseconds;
    return {
      id: String(row["id"]),
      host: String(row["host"]),
      version: String(row["version"]),
      startedAt: Number(row["started_at"]),
      seenAt: Number(row["seen_at"]),
      unseenMilliseconds,
      isAlive,
      // As `takeTurn` chooses it.
      hasDuties: isAlive && place === 0,
      requestsInProgress: Number(row["requests_in_progress"]),
    };
  });
}

/** The database knows no node any more: one that stood still, and wakes, changes nothing. */
export async function removeAllNodes(connection: PostgresConnection): Promise<void> {
  await connection.query("delete from nodes");
}
