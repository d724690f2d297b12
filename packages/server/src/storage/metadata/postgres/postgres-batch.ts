import type { Instant } from "../../../domain/time/instant.ts";
import { forgetWritten, invoke, type Outcome, type Request } from "../run-method.ts";
import { changes } from "../statements.ts";
import { recordChange } from "../tables/audit-chain.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { failureOf } from "./postgres-failure.ts";

/** Bounds how long others wait for their turn. */
const turnMilliseconds = 50;

/** A node that was not seen for longer has died, or cannot reach the database: its duties are another's. */
export const deadMilliseconds = 15_000;

/** A process that changes something in the database. */
export interface TurnTaker {
  /** New with each start. */
  readonly id: string;
  /** For those who list nodes. */
  requestsInProgress(): number;
}

/** The start of a transaction that changes something. */
export interface Turn {
  readonly databaseNow: Instant;
  /** When that was asked for, by `performance.now()`. */
  readonly askedAt: number;
  /** The last batch of this node that was committed; null when the database does not know the node. */
  readonly committedBatch: number | null;
  /** The first of the nodes that live to have started. */
  readonly eldestNode: string | null;
}

/**
 * Begins a transaction once no other node changes anything. Changes take turns: each is judged by all that happened before it, and
 * whoever holds the turn knows that no earlier transaction can still commit.
 */
export async function takeTurn(connection: PostgresConnection, { id, requestsInProgress }: TurnTaker): Promise<Turn> {
  await connection.begin();
  await connection.query("select id from writer_turn where id = 1 for update");
  const askedAt = performance.now();
  const { rows } = await connection.query(
    `update nodes set seen_at = ${databaseNow}, requests_in_progress = $3 where id = $1 returning batch, seen_at,
      (select id from nodes other where other.seen_at > ${databaseNow} - $2 order by started_at, id limit 1) as eldest`,
    [id, deadMilliseconds, requestsInProgress()],
  );
  const [row] = rows;
  return {
    databaseNow: Number(row?.["seen_at"]),
    askedAt,
    eldestNode: row === undefined ? null : String(row["eldest"]),
    committedBatch: row === undefined ? null : Number(row["batch"]),
  };
}

/** The clock's time and not that of the transaction's beginning, before which it may have waited. */
export const databaseNow = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";

/**
 * Runs changes in the transaction of a turn: all, or the first ones when they take long. One that fails leaves nothing behind and
 * does not disturb the others. Rejects when the transaction must end.
 */
export async function runChanges(connection: PostgresConnection, requests: readonly Request[]): Promise<Outcome[]> {
  const end = performance.now() + turnMilliseconds;
  const outcomes: Outcome[] = [];
  forgetWritten(connection.db);
  await connection.query("savepoint change");
  for (const request of requests) {
    if (outcomes.length > 0 && performance.now() >= end) {
      break;
    }
    outcomes.push(await runChange(connection, request));
  }
  return outcomes;
}

async function runChange(connection: PostgresConnection, { method, input, facts }: Request): Promise<Outcome> {
  const { db } = connection;
  try {
    const value = await invoke(changes, method, db, input);
    if (facts !== undefined) {
      await recordChange(db, { method, input, value, facts });
    }
    await connection.query("release savepoint change; savepoint change");
    return { value };
  } catch (error) {
    if (failureOf(error) !== "statement") {
      throw error;
    }
    await connection.query("rollback to savepoint change");
    forgetWritten(db);
    return { error };
  }
}
