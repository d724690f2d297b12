import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/**
 * Keeps SQLite from removing the log when the last thread that writes ends without having closed in order, as after a failure:
 * the next start would take a missing log for a lost one. A connection that only reads prevents it, and never removes the log itself.
 */
export class LogGuard {
  readonly #path: string;
  #database: DatabaseSync | null = null;

  constructor(path: string) {
    this.#path = path;
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) {
      try {
        this.hold();
      } catch {
        // Damage, or another program's file: the writer says so.
      }
    }
  }

  /** A database with a log stays locked against its removal from the first read on. */
  hold(): void {
    this.#database ??= new DatabaseSync(this.#path, { readOnly: true });
    this.#database.prepare("SELECT count(*) FROM sqlite_schema").get();
  }

  release(): void {
    this.#database?.close();
    this.#database = null;
  }
}
