import type { CatalogDatabase } from "../catalog-database.ts";

/** A request for a job that is paid for, before its response. */
export interface PendingRequest {
  readonly tier: string;
  /** When it was sent, in milliseconds since 1970; null if it is only about to be. */
  readonly sentAt: number | null;
}

/** The requests for jobs whose responses are not recorded: a process that is killed may have started these jobs, and a list shows them late. */
export class PendingRequests {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** @param number of the archive; another request takes the place of its last one */
  add(number: number, { tier, sentAt }: PendingRequest): void {
    this.#database.run("INSERT OR REPLACE INTO pending_requests VALUES (?, ?, ?)", number, tier, sentAt);
  }

  /** Keeps it as one whose job may still be listed, late, whatever becomes of the next request. */
  settle(number: number): void {
    this.#database.transaction(() => {
      this.#database.run(
        "INSERT OR IGNORE INTO settled_requests SELECT number FROM pending_requests WHERE number = ?",
        number,
      );
      this.delete(number);
    });
  }

  /** Whether a job that is listed may be one that was requested, and paid for. */
  has(number: number): boolean {
    const select =
      "SELECT 1 FROM pending_requests WHERE number = ? UNION SELECT 1 FROM settled_requests WHERE number = ?";
    return this.#database.get(select, number, number) !== undefined;
  }

  /** Forgets the request that was not settled. */
  delete(number: number): void {
    this.#database.run("DELETE FROM pending_requests WHERE number = ?", number);
  }

  /** Forgets all requests of an archive: its job is known, or it is given up. */
  forget(number: number): void {
    this.delete(number);
    this.#database.run("DELETE FROM settled_requests WHERE number = ?", number);
  }

  /** By the numbers of the archives. There are as few as requests at once. */
  all(): ReadonlyMap<number, PendingRequest> {
    const rows = this.#database.all<PendingRequest & { number: number }>(
      "SELECT number, tier, sent_at AS sentAt FROM pending_requests",
    );
    return new Map(rows.map(({ number, tier, sentAt }) => [number, { tier, sentAt }]));
  }
}
