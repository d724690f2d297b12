import type { CatalogDatabase } from "../catalog-database.ts";

/** The bytes of a large archive that are paid for and were not received yet, when the last attempt ended. */
interface LeftBytes {
  readonly jobId: string;
  readonly bytes: number;
}

/**
 * The archives whose next transfer is not counted as paid for: another program has started the job, another target has had the output, or it was
 * received in vain; and those whose transfer is paid for in part. Of all others, a transfer was counted with the job.
 */
export class UnpaidTransfers {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** @param number of the archive */
  add(number: number): void {
    this.#database.run("INSERT OR IGNORE INTO unpaid_transfers VALUES (?)", number);
  }

  delete(number: number): void {
    this.#database.run("DELETE FROM unpaid_transfers WHERE number = ?", number);
  }

  has(number: number): boolean {
    return this.#database.get("SELECT 1 FROM unpaid_transfers WHERE number = ?", number) !== undefined;
  }

  setLeft(number: number, { jobId, bytes }: LeftBytes): void {
    this.#database.run("INSERT OR REPLACE INTO left_bytes VALUES (?, ?, ?)", number, jobId, bytes);
  }

  /** Returns what is left of the transfer of a job's output; null if all of it is. */
  leftOf(number: number, jobId: string): number | null {
    const row = this.#database.get<{ bytes: number }>(
      "SELECT bytes FROM left_bytes WHERE number = ? AND job_id = ?",
      number,
      jobId,
    );
    return row?.bytes ?? null;
  }

  /** Forgets all of an archive: it is stored, or another job is paid for. */
  forget(number: number): void {
    this.delete(number);
    this.#database.run("DELETE FROM left_bytes WHERE number = ?", number);
  }
}
