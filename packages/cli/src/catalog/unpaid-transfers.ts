import type { CatalogDatabase } from "./catalog-database.ts";

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
    this.#database.run("INSERT INTO facts VALUES (?, '') ON CONFLICT DO NOTHING", `${unpaid}${number}`);
  }

  delete(number: number): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", `${unpaid}${number}`);
  }

  has(number: number): boolean {
    return this.#database.get("SELECT 1 FROM facts WHERE name = ?", `${unpaid}${number}`) !== undefined;
  }

  setLeft(number: number, left: LeftBytes): void {
    this.#database.run(
      "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      `${leftBytes}${number}`,
      JSON.stringify(left),
    );
  }

  /** Returns what is left of the transfer of a job's output; null if all of it is. */
  leftOf(number: number, jobId: string): number | null {
    const row = this.#database.get<{ value: string }>(
      "SELECT value FROM facts WHERE name = ?",
      `${leftBytes}${number}`,
    );
    const left = row === undefined ? null : (JSON.parse(row.value) as LeftBytes);
    return left?.jobId === jobId ? left.bytes : null;
  }

  /** Forgets all of an archive: it is stored, or another job is paid for. */
  forget(number: number): void {
    this.#database.run("DELETE FROM facts WHERE name IN (?, ?)", `${unpaid}${number}`, `${leftBytes}${number}`);
  }
}

const unpaid = "unpaid-";
const leftBytes = "left-";
