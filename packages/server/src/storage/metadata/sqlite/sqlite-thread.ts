import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { AuditFacts } from "../../../domain/audit.ts";
import { invariant } from "../../../domain/invariant.ts";
import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";
import { type DamagedRow, MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import type { ThreadName } from "../method-threads.ts";
import { dataSizeBytes } from "./data-size.ts";
import type { HistoryReport } from "./generation.ts";
import {
  errorOf,
  type FromThread,
  type NumberedRequest,
  type ThreadOptions,
  type ToThread,
} from "./sqlite-messages.ts";

/** Sources run as they are, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./sqlite-worker.ts" : "./sqlite-worker.js";

/**
 * Bounds the requests that a thread is given before it has answered: it holds them and their responses in memory. More wait here. The
 * writer has two batches, so that one gathers while the other is synced.
 */
const backlogMax: Readonly<Record<ThreadName, number>> = { writer: 512, lookups: 64, lists: 8 };
const backlogSizeBytesMax = 4 * 1024 * 1024;

export interface ThreadEvents {
  /** Opens the row secret of a database. A rejection refuses the database as it is. */
  rowSecret(sealed: SealedKeys): Promise<RowSecret>;
  /** Called with each damaged row, each time that it is met. */
  onDamagedRow(row: DamagedRow): void;
  /** The thread has ended without having been asked to. */
  onDeath(error: Error): void;
  /** A commit took this long, its sync included. */
  readonly onCommit?: ((seconds: number) => void) | undefined;
}

interface Caller {
  readonly sizeBytes: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * A thread with a connection of its own, seen from the outside. It shares no code with `HashLane`, whose limit is on messages and
 * whose requests go at once: here they wait for the end of the turn, and for the backlog.
 */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #callers = new Map<number, Caller>();
  readonly #events: ThreadEvents;
  readonly #exit: Promise<void>;
  readonly #backlogMax: number;
  /** Bytes of requests that were posted and have not been answered. */
  #backlog = 0;
  #backlogSizeBytes = 0;
  #outbox: NumberedRequest[] = [];
  #requests = 0;
  /** The error that ended the thread. */
  #failure: Error | null = null;
  /** Set to post `finish` after the last request. */
  #isFinishing = false;
  #onFinished: () => void = () => undefined;
  /** Why nothing more is accepted. */
  #ended: MetadataUnavailableError | null = null;
  /** Findings of a writer about its database's history. */
  readonly report: HistoryReport | null;

  private constructor(worker: Worker, role: ThreadName, report: HistoryReport | null, events: ThreadEvents) {
    this.#worker = worker;
    this.#backlogMax = backlogMax[role];
    this.report = report;
    this.#events = events;
    worker.on("message", (message: FromThread) => this.#receive(message));
    worker.on("error", (error: Error) => {
      this.#failure ??= error;
      this.#events.onDeath(error);
    });
    this.#exit = new Promise((resolve) => {
      worker.on("exit", () => {
        this.#exited();
        resolve();
      });
    });
  }

  /** Rejects when the database cannot be opened. */
  static async open(options: ThreadOptions, events: ThreadEvents): Promise<SqliteThread> {
    const worker = new Worker(new URL(workerFile, import.meta.url), {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 2 },
    });
    const opened = new AbortController();
    try {
      const next = async () => {
        const [message] = await Promise.race([
          once(worker, "message", opened),
          once(worker, "exit", opened).then(() => Promise.reject(new Error("its thread ended"))),
        ]);
        return message as FromThread;
      };
      let message = await next();
      if ("sealed" in message) {
        worker.postMessage(await events.rowSecret(message.sealed));
        message = await next();
      }
      invariant("opened" in message, "a thread reports that it is open before it answers");
      return new SqliteThread(worker, options.role, message.opened, events);
    } catch (cause) {
      await worker.terminate();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MetadataUnavailableError(`Cannot open ${options.path}: ${reason}`, { cause });
    } finally {
      opened.abort();
    }
  }

  /** Calls that have not been answered. */
  get callsInProgress(): number {
    return this.#callers.size;
  }

  call(method: string, input: unknown, facts?: AuditFacts): Promise<unknown> {
    if (this.#ended !== null) {
      return Promise.reject(this.#ended);
    }
    return new Promise((resolve, reject) => {
      const id = this.#requests;
      this.#requests += 1;
      this.#callers.set(id, { resolve, reject, sizeBytes: dataSizeBytes(input) });
      if (this.#outbox.length === 0) {
        // One message for all calls of this turn of the event loop, whichever requests they come from.
        setImmediate(() => this.#flush());
      }
      this.#outbox.push({ id, method, input, facts });
    });
  }

  /** Rejects all later calls. */
  refuse(): void {
    this.#ended ??= new MetadataUnavailableError("The metadata store is closed");
  }

  /**
   * Resolves when everything that was called before has been answered, and the database is closed. Rejects when that fails; a
   * thread that failed before has nothing left to close.
   * @param onFinished called when the database is complete, just before it is closed.
   */
  async close(onFinished: () => void = () => undefined): Promise<void> {
    const failureBefore = this.#failure;
    this.refuse();
    this.#onFinished = onFinished;
    this.#isFinishing = true;
    this.#flush();
    await this.#exit;
    if (this.#failure !== failureBefore) {
      const reason = this.#failure?.message;
      throw new MetadataUnavailableError(`The metadata store cannot be closed: ${reason}`, { cause: this.#failure });
    }
  }

  /** Rejects all calls, now and later, and ends the thread wherever it is. */
  fail(cause: Error): void {
    this.#ended = new MetadataUnavailableError(`The metadata store has failed: ${cause.message}`, { cause });
    for (const caller of this.#callers.values()) {
      caller.reject(this.#ended);
    }
    this.#callers.clear();
    this.#outbox = [];
    void this.#worker.terminate();
  }

  /** Posts what the thread may hold. */
  #flush(): void {
    const requests = this.#outbox.splice(0, this.#admitted());
    if (requests.length > 0) {
      this.#post(requests);
    }
    if (this.#isFinishing && this.#outbox.length === 0) {
      this.#isFinishing = false;
      this.#post("finish");
    }
  }

  /** Counts the requests that go next as given to the thread: the first of those that wait. */
  #admitted(): number {
    let count = 0;
    for (const { id } of this.#outbox) {
      if (this.#backlog >= this.#backlogMax || this.#backlogSizeBytes >= backlogSizeBytesMax) {
        break;
      }
      count += 1;
      this.#backlog += 1;
      this.#backlogSizeBytes += this.#callers.get(id)?.sizeBytes ?? 0;
    }
    return count;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromThread): void {
    if ("opened" in message || "sealed" in message) {
      return;
    }
    if ("damagedRow" in message) {
      this.#events.onDamagedRow(message.damagedRow);
      return;
    }
    if ("finished" in message) {
      if (message.finished) {
        this.#onFinished();
      }
      this.#post("close");
      return;
    }
    if (message.commitSeconds !== null) {
      this.#events.onCommit?.(message.commitSeconds);
    }
    for (const answer of message.answers) {
      const caller = this.#callers.get(answer.id);
      this.#callers.delete(answer.id);
      this.#backlog -= 1;
      this.#backlogSizeBytes -= caller?.sizeBytes ?? 0;
      if ("error" in answer) {
        caller?.reject(errorOf(answer.error));
      } else {
        caller?.resolve(answer.value);
      }
    }
    this.#flush();
  }

  #exited(): void {
    if (this.#ended === null || this.#callers.size > 0) {
      this.#events.onDeath(new Error("A thread of the metadata store has ended"));
    }
  }
}
