import { setTimeout as sleep } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import { invoke, type Outcome, type Request } from "../run-method.ts";
import { queries } from "../statements.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { databaseCode, failureOf } from "./postgres-failure.ts";
import { unavailable } from "./unavailable.ts";
import { answer, type Caller, stillWaiting, Waiting } from "./waiting.ts";

export interface ReadersOptions {
  readonly connections: number;
  /** Bounds how many requests share a snapshot, and wait for each other. */
  readonly batchMax: number;
  /** Bounds how long a caller waits before it gets an error. */
  readonly triedMilliseconds: number;
  connect(): Promise<PostgresConnection>;
}

const pauseMilliseconds = 100;
/** A connection is only looked for when there is something to read. */
const idleMilliseconds = millisecondsPer.minute;

/** Runs queries on some connections, each batch on one snapshot that is taken when it begins. */
export class PostgresReaders {
  readonly #options: ReadersOptions;
  readonly #waiting = new Waiting();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];
  #callsTaken = 0;

  constructor(options: ReadersOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.connections }, () => this.#run());
  }

  get callsInProgress(): number {
    return this.#waiting.count + this.#callsTaken;
  }

  call(request: Request): Promise<unknown> {
    return this.#waiting.add(request);
  }

  async close(): Promise<void> {
    this.#waiting.refuse(new MetadataUnavailableError("The metadata store is closed", { outcome: "not_committed" }));
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let connection: PostgresConnection | null = null;
    while (!signal.aborted || this.#waiting.count > 0) {
      await this.#waiting.arrival(idleMilliseconds, signal);
      const callers = this.#waiting.take(this.#options.batchMax);
      this.#callsTaken += callers.length;
      connection = await this.#runBatch(callers, connection);
      this.#callsTaken -= callers.length;
    }
    connection?.close();
  }

  /** Answers all callers, and resolves to the connection for the next ones. */
  async #runBatch(callers: Caller[], known: PostgresConnection | null): Promise<PostgresConnection | null> {
    let connection = known;
    let failure: unknown = new Error("the calls before took too long");
    for (let waiting = callers; ; ) {
      waiting = stillWaiting(waiting, this.#options.triedMilliseconds, () => unavailable(failure, false));
      if (waiting.length === 0) {
        return connection;
      }
      try {
        connection = connection === null || connection.isLost ? await this.#options.connect() : connection;
        const requests = waiting.map(({ request }) => request);
        const outcomes = await runQueries(connection, requests);
        answer(waiting, outcomes);
        waiting = waiting.slice(outcomes.length);
      } catch (cause) {
        failure = cause;
        await sleep(pauseMilliseconds * (0.5 + Math.random()));
      }
    }
  }
}

/** Rejects when the connection is lost, or nothing can be read for the moment. */
async function runQueries(connection: PostgresConnection, requests: readonly Request[]): Promise<Outcome[]> {
  await connection.begin("isolation level repeatable read, read only");
  const outcomes: Outcome[] = [];
  for (const { method, input } of requests) {
    const outcome = await outcomeOf(() => invoke(queries, method, connection.db, input));
    if ("error" in outcome && failureOf(outcome.error) !== "statement") {
      await connection.query("rollback").catch(() => connection.close());
      throw outcome.error;
    }
    outcomes.push(outcome);
    if ("error" in outcome && databaseCode(outcome.error) !== undefined) {
      // The transaction takes no more statements; the others have another one.
      break;
    }
  }
  await connection.query("rollback");
  return outcomes;
}

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error };
  }
}
