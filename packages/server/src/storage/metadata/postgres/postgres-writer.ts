import { setTimeout as sleep } from "node:timers/promises";
import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import type { Outcome, Request } from "../run-method.ts";
import type { DatabaseTime } from "./database-time.ts";
import { runChanges, type TurnTaker, takeTurn } from "./postgres-batch.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { ConnectionLostError } from "./postgres-failure.ts";
import { unavailable } from "./unavailable.ts";
import { answer, type Caller, stillWaiting, Waiting } from "./waiting.ts";

export interface WriterOptions {
  /** This process. */
  readonly node: TurnTaker;
  readonly time: DatabaseTime;
  /** Bounds how long a change is tried, and so how old the times in it are. */
  readonly triedMilliseconds: number;
  /** A new connection to the server that can be written now, whose rows can be read. */
  connect(): Promise<PostgresConnection>;
  /** Called with the time that each commit took. */
  readonly onCommit?: ((seconds: number) => void) | undefined;
}

const batchMax = 128;
/** A node shows that it lives this often. */
const beatMilliseconds = 5000;
const pauseMilliseconds = 100;
/** Longer than a node that was paused keeps the turn: until then the server may have a reason not to respond. */
const silentMilliseconds = 12_000;

const commit = "commit";

const awayBecause = (reason: string): string => `The metadata store cannot be used: ${reason}`;

const silence = awayBecause(`no response for ${silentMilliseconds / 1000} s`);

/** A batch whose commit was not answered. */
interface UnknownBatch {
  readonly number: number;
  readonly callers: readonly Caller[];
  readonly outcomes: readonly Outcome[];
}

/**
 * Runs all changes of this node, on one connection, many to a transaction. A commit whose answer is lost is looked up: its transaction has
 * raised the node's number, and it cannot commit later, since the turn passes on only when it has ended.
 */
export class PostgresWriter {
  readonly #options: WriterOptions;
  readonly #waiting = new Waiting();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #connection: PostgresConnection | null = null;
  /** The number of the last batch that was committed. */
  #committed = 0;
  #unknown: UnknownBatch | null = null;
  #callsTaken = 0;
  #isEldest = false;
  #away: string | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether no node that lives has started before this one. */
  get isEldest(): boolean {
    return this.#isEldest;
  }

  /** Why the last attempt failed, or the current one does not progress; null while all is well. An idle node makes one every few seconds. */
  get away(): string | null {
    return this.#away ?? (this.#awaited === null ? null : silence);
  }

  /** Why no server can be reached, so that nothing can be read either; null while one is. */
  get unreachable(): string | null {
    if (this.#connection === null) {
      return this.#away;
    }
    // A commit waits for a standby also where reads do not.
    return this.#awaited === null || this.#awaited === commit ? null : silence;
  }

  /** The statement to which the server has not responded for too long; null when it responds. */
  get #awaited(): string | null {
    return this.#connection?.awaited(silentMilliseconds) ?? null;
  }

  get callsInProgress(): number {
    return this.#waiting.count + this.#callsTaken;
  }

  call(request: Request): Promise<unknown> {
    return this.#waiting.add(request);
  }

  /** Resolves when all that was called has been answered. */
  async close(): Promise<void> {
    this.#waiting.refuse(new MetadataUnavailableError("The metadata store is closed", { outcome: "not_committed" }));
    this.#stopping.abort();
    await this.#running;
    this.#connection?.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted || this.#waiting.count > 0) {
      await this.#waiting.arrival(beatMilliseconds, signal);
      const callers = this.#waiting.take(batchMax);
      this.#callsTaken = callers.length;
      this.#waiting.putBack(await this.#runBatch(callers));
      this.#callsTaken = 0;
    }
  }

  /** Tries until the callers are answered, and resolves to those whose turn did not come. Without callers, it shows that the node lives. */
  async #runBatch(callers: Caller[]): Promise<Caller[]> {
    const { triedMilliseconds } = this.#options;
    let failure: unknown = new Error("the calls before took too long");
    let waiting = callers;
    for (let isFirst = true; ; isFirst = false) {
      const error = () => unavailable(failure, false);
      waiting = stillWaiting(waiting, triedMilliseconds, error);
      stillWaiting(this.#unknown?.callers ?? [], triedMilliseconds, () => unavailable(failure, true));
      if (waiting.length === 0 && !(isFirst || this.#isAwaited())) {
        return [];
      }
      try {
        const done = await this.#attempt(waiting);
        this.#away = null;
        if (done.isEnd) {
          return waiting.slice(done.count);
        }
      } catch (cause) {
        failure = cause;
        this.#away = awayBecause((cause as Error).message);
        waiting = waiting.filter((caller) => this.#unknown?.callers.includes(caller) !== true);
        await sleep(pauseMilliseconds * (0.5 + Math.random()));
      }
    }
  }

  /** Whether somebody still waits for the outcome of the unknown batch. */
  #isAwaited(): boolean {
    const oldest = performance.now() - this.#options.triedMilliseconds;
    return this.#unknown?.callers.some(({ calledAt }) => calledAt >= oldest) ?? false;
  }

  /** Ends a transaction: of the unknown batch, if it was kept, and else of the first callers. */
  async #attempt(callers: readonly Caller[]): Promise<{ readonly isEnd: boolean; readonly count: number }> {
    const connection = await this.#connected();
    const earlier = await this.#inTransaction(connection, () => this.#begin(connection));
    if (earlier !== null) {
      await this.#commit(connection);
      this.#unknown = null;
      this.#committed = earlier.number;
      answer(earlier.callers, earlier.outcomes);
      return { isEnd: callers.length === 0, count: 0 };
    }
    const number = this.#committed + 1;
    const outcomes = await this.#inTransaction(connection, async () => {
      await connection.query("update nodes set batch = $1 where id = $2", [number, this.#options.node.id]);
      return runChanges(
        connection,
        callers.map(({ request }) => request),
      );
    });
    this.#unknown = { number, callers: callers.slice(0, outcomes.length), outcomes };
    await this.#commit(connection);
    this.#unknown = null;
    this.#committed = number;
    answer(callers, outcomes);
    return { isEnd: true, count: outcomes.length };
  }

  /** Takes the turn. Resolves to the unknown batch if it was kept; if it was not, its callers' requests are to be run again. */
  async #begin(connection: PostgresConnection): Promise<UnknownBatch | null> {
    const { node, time } = this.#options;
    const { databaseNow, askedAt, committedBatch, eldestNode } = await takeTurn(connection, node);
    if (committedBatch === null) {
      throw new Error("the database does not know this node: its row was removed, or this is another database");
    }
    time.noted(databaseNow, askedAt);
    this.#isEldest = eldestNode === node.id;
    const unknown = this.#unknown;
    if (unknown === null || committedBatch >= unknown.number) {
      return unknown;
    }
    this.#unknown = null;
    this.#waiting.putBack(unknown.callers);
    return null;
  }

  async #connected(): Promise<PostgresConnection> {
    if (this.#connection === null || this.#connection.isLost) {
      this.#connection = null;
      this.#connection = await this.#options.connect();
    }
    return this.#connection;
  }

  async #inTransaction<Result>(connection: PostgresConnection, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      // A connection that cannot even do that is lost.
      await connection.query("rollback").catch(() => connection.close());
      throw error;
    }
  }

  /**
   * A commit with a warning was not waited for: the standby may not have it. What is found of it later is believed after another
   * commit, which the standby has only together with all earlier ones.
   */
  async #commit(connection: PostgresConnection): Promise<void> {
    connection.takeWarnings();
    const start = performance.now();
    const result = await connection.query(commit).catch((cause: unknown) => {
      connection.close();
      throw new ConnectionLostError("the answer to a commit was lost", { cause });
    });
    const warnings = connection.takeWarnings();
    if (result.command !== "COMMIT" || warnings.length > 0) {
      connection.close();
      throw new ConnectionLostError(`a commit was not confirmed: ${[result.command, ...warnings].join("; ")}`);
    }
    this.#options.onCommit?.((performance.now() - start) / 1000);
  }
}
