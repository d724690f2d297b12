import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

export interface OnDemandThreadOptions {
  open(): Promise<SqliteThread>;
  /** Serves calls until the thread is open, one at a time, so that its own callers wait for one of them at most. */
  readonly substitute: SqliteThread;
  /** How long the thread is kept after its last response. */
  readonly idleMilliseconds: number;
}

/** A thread that runs only while it has work, and a while after: each takes some 20 MiB, which transfers can use. */
export class OnDemandThread {
  readonly #options: OnDemandThreadOptions;
  #thread: Promise<SqliteThread> | null = null;
  #openThread: SqliteThread | null = null;
  /** Resolves when the substitute has served the calls before. */
  #substituted: Promise<unknown> = Promise.resolve();
  #callsInProgress = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Resolves when the thread before has closed its database. */
  #closed: Promise<void> = Promise.resolve();
  /** Why nothing more is accepted. */
  #ended: MetadataUnavailableError | null = null;

  constructor(options: OnDemandThreadOptions) {
    this.#options = options;
  }

  get callsInProgress(): number {
    return this.#callsInProgress;
  }

  /** Opens the thread if need be. When that fails, the substitute has the call, and the next one tries again. */
  async call(method: string, input: unknown): Promise<unknown> {
    if (this.#ended !== null) {
      throw this.#ended;
    }
    clearTimeout(this.#idleTimer);
    this.#callsInProgress += 1;
    try {
      this.#thread ??= this.#open();
      return await (this.#openThread?.call(method, input) ?? this.#callSubstitute(method, input));
    } finally {
      this.#callsInProgress -= 1;
      if (this.#callsInProgress === 0) {
        this.#idleTimer = setTimeout(() => this.#closeThread(), this.#options.idleMilliseconds).unref();
      }
    }
  }

  /** Resolves when everything that was called before has been answered, and the database is closed. */
  async close(): Promise<void> {
    this.#ended ??= new MetadataUnavailableError("The metadata store is closed");
    clearTimeout(this.#idleTimer);
    this.#closeThread();
    await Promise.all([this.#closed, this.#substituted]);
  }

  /** Rejects all calls, now and later, and ends the thread wherever it is. */
  fail(cause: Error): void {
    this.#ended = new MetadataUnavailableError(`The metadata store has failed: ${cause.message}`, { cause });
    clearTimeout(this.#idleTimer);
    this.#thread?.then(
      (thread) => thread.fail(cause),
      () => undefined,
    );
  }

  #callSubstitute(method: string, input: unknown): Promise<unknown> {
    const { substitute } = this.#options;
    const result = this.#substituted.then(() => (this.#openThread ?? substitute).call(method, input));
    this.#substituted = result.catch(() => undefined);
    return result;
  }

  #open(): Promise<SqliteThread> {
    const opening = this.#options.open();
    opening.then(
      (thread) => {
        if (this.#thread === opening) {
          this.#openThread = thread;
        }
      },
      () => {
        if (this.#thread === opening) {
          this.#thread = null;
        }
      },
    );
    return opening;
  }

  #closeThread(): void {
    const ending = this.#thread;
    this.#thread = null;
    this.#openThread = null;
    if (ending !== null) {
      const closing = ending.then(
        (thread) => thread.close(),
        () => undefined, // A thread that could not be opened has nothing to close.
      );
      this.#closed = Promise.all([this.#closed, closing]).then(() => undefined);
      // A thread that fails has reported it to its owner; `close` rejects by it too.
      this.#closed.catch(() => undefined);
    }
  }
}
