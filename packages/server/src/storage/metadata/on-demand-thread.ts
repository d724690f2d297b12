import { MetadataUnavailableError } from "../../domain/metadata-store.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

export interface OnDemandThreadOptions {
  open(): Promise<SqliteThread>;
  /** How long the thread is kept after its last answer. */
  readonly idleMilliseconds: number;
}

/** A thread that runs only while it has work, and a while after: each takes some 20 MiB, which transfers can use. */
export class OnDemandThread {
  readonly #options: OnDemandThreadOptions;
  #thread: Promise<SqliteThread> | null = null;
  #callsInProgress = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Resolves when the thread before has closed its database. */
  #closed: Promise<void> = Promise.resolve();
  /** Why nothing more is accepted. */
  #ended: MetadataUnavailableError | null = null;

  constructor(options: OnDemandThreadOptions) {
    this.#options = options;
  }

  /** Rejects when the database cannot be opened; the next call tries again. */
  async call(method: string, input: unknown): Promise<unknown> {
    if (this.#ended !== null) {
      throw this.#ended;
    }
    clearTimeout(this.#idleTimer);
    this.#callsInProgress += 1;
    try {
      this.#thread ??= this.#open();
      const thread = await this.#thread;
      return await thread.call(method, input);
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
    await this.#closed;
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

  #open(): Promise<SqliteThread> {
    return this.#options.open().catch((error: unknown) => {
      this.#thread = null;
      throw error;
    });
  }

  #closeThread(): void {
    const ending = this.#thread;
    this.#thread = null;
    if (ending !== null) {
      this.#closed = Promise.all([this.#closed, ending.then((thread) => thread.close())]).then(() => undefined);
      // A thread that fails has told its owner; `close` rejects by it too.
      this.#closed.catch(() => undefined);
    }
  }
}
