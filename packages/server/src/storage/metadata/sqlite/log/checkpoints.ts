import { StorageFullError } from "../../../../domain/stores/blob-store.ts";
import type { Connection } from "../sqlite-connection.ts";
import { failureOf } from "../sqlite-failure.ts";

/** Lengths of the log, in frames: one page each. */
export interface LogLimits {
  /** How often the log is moved into the database. */
  readonly framesMax: number;
  /** By then readers were in the way each time that the log could have been started over, and are waited for. */
  readonly overdueFrames: number;
  /** How long the log may get while the database cannot grow. */
  readonly fullFramesMax: number;
}

/** 4 MB, 16 MB, 262 MB. */
export const defaultLogLimits: LogLimits = { framesMax: 1000, overdueFrames: 4000, fullFramesMax: 64_000 };
const readersMilliseconds = 50;

type Mode = "NOOP" | "PASSIVE" | "RESTART" | "TRUNCATE";

interface LogState {
  /** A reader or another process was in the way. */
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Moves the log into the database, between transactions: SQLite would do it within a commit, and hide when it fails. A sync
 * that failed there may have lost pages of the database for good, so that the log must not be started over.
 */
export class Checkpoints {
  readonly #connection: Connection;
  readonly #limits: LogLimits;
  /** The length of the log at which the next checkpoint is tried. */
  #dueFrames: number;
  #lastFrames = 0;
  #isFull = false;

  constructor(connection: Connection, limits: LogLimits = defaultLogLimits) {
    this.#connection = connection;
    this.#limits = limits;
    this.#dueFrames = limits.framesMax;
  }

  /** Why nothing may be changed: the log is as long as it may get, and the disk has no room to move it. Null otherwise. */
  refusal(): StorageFullError | null {
    if (this.#isFull && this.#lastFrames >= this.#limits.fullFramesMax) {
      this.#run("PASSIVE");
      return this.#isFull ? new StorageFullError("The disk has no room for what the database's log holds") : null;
    }
    return null;
  }

  /** Throws when the database failed; then it must not be used again. A full disk or a reader in the way only delays it. */
  runIfDue(): void {
    const { framesMax, overdueFrames } = this.#limits;
    const { log } = this.#ask("NOOP");
    if (log < this.#lastFrames) {
      this.#dueFrames = framesMax;
    }
    this.#lastFrames = log;
    if (log >= this.#dueFrames) {
      const isOverdue = log >= overdueFrames;
      const isDone = this.#run(isOverdue ? "RESTART" : "PASSIVE");
      // Seldom, while somebody reads for long: each attempt waits.
      this.#dueFrames = isOverdue && !isDone ? Math.ceil(1.5 * log) : log + framesMax;
    }
  }

  /** Before the database is closed, when nothing else reads it. Throws as `runIfDue` does. */
  finish(): void {
    this.#run("TRUNCATE");
  }

  /** False when it has to be tried again. */
  #run(mode: Mode): boolean {
    try {
      const { busy, log, checkpointed } = this.#ask(mode);
      this.#isFull = false;
      return busy === 0 && checkpointed === log;
    } catch (cause) {
      if (failureOf(cause, this.#connection.path) !== "full") {
        throw new Error(`A checkpoint of the database failed: ${(cause as Error).message}`, { cause });
      }
      this.#isFull = true;
      return false;
    }
  }

  #ask(mode: Mode): LogState {
    const { database } = this.#connection;
    if (mode === "NOOP" || mode === "PASSIVE") {
      return stateAfter(this.#connection, mode);
    }
    const { timeout } = database.prepare("PRAGMA busy_timeout").get() as { readonly timeout: number };
    database.exec(`PRAGMA busy_timeout = ${readersMilliseconds}`);
    try {
      return stateAfter(this.#connection, mode);
    } finally {
      database.exec(`PRAGMA busy_timeout = ${timeout}`);
    }
  }
}

function stateAfter({ database }: Connection, mode: Mode): LogState {
  return database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as unknown as LogState;
}
