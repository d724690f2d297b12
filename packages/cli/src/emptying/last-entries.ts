import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * The last entry of each archive in a manifest, by numbers, in a temporary file that SQLite removes by itself: an archive may have several
 * entries, of which the last counts.
 */
export class LastEntries implements Disposable {
  readonly #database = new DatabaseSync("");
  readonly #put: StatementSync;
  readonly #get: StatementSync;

  constructor() {
    this.#database.exec(
      `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
       CREATE TABLE entries (archive INTEGER PRIMARY KEY, entry INTEGER NOT NULL) STRICT`,
    );
    this.#put = this.#database.prepare(
      "INSERT INTO entries VALUES (?, ?) ON CONFLICT DO UPDATE SET entry = excluded.entry",
    );
    this.#get = this.#database.prepare("SELECT entry FROM entries WHERE archive = ?");
  }

  add(entries: readonly { readonly archive: number; readonly entry: number }[]): void {
    this.#database.exec("BEGIN");
    for (const { archive, entry } of entries) {
      this.#put.run(archive, entry);
    }
    this.#database.exec("COMMIT");
  }

  /** Returns the number of the archive's last entry; null for an archive that has none. */
  of(archive: number): number | null {
    const row = this.#get.get(archive);
    return row === undefined ? null : Number(row["entry"]);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
