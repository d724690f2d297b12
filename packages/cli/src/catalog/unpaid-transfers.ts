import type { CatalogDatabase } from "./catalog-database.ts";

/**
 * The archives whose next transfer is not counted as paid for: another program has started the job, another target has had the output, or it was
 * received in vain. Of all others, a transfer was counted with the job.
 */
export class UnpaidTransfers {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** @param number of the archive */
  add(number: number): void {
    this.#database.run("INSERT INTO facts VALUES (?, '') ON CONFLICT DO NOTHING", nameOf(number));
  }

  delete(number: number): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", nameOf(number));
  }

  has(number: number): boolean {
    return this.#database.get("SELECT 1 FROM facts WHERE name = ?", nameOf(number)) !== undefined;
  }
}

const nameOf = (number: number): string => `unpaid-${number}`;
