import type { CatalogDatabase } from "../catalog-database.ts";

/** The counter of bytes that were transferred, or are, and not counted with a job. */
export const transferOnly = "bytes transferred only";

/** Counters of what was paid for, like requests and bytes retrieved, which survive a restart. */
export class CostTable {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Adds to the counter of that name, and returns its new value. */
  add(name: string, quantity: number): number {
    const row = this.#database.get<{ quantity: number }>(
      "INSERT INTO costs VALUES (?, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity RETURNING quantity",
      name,
      quantity,
    );
    return row?.quantity ?? 0;
  }

  /** Returns the counter, and 0 for one that nothing was added to. */
  get(name: string): number {
    return this.#database.get<{ quantity: number }>("SELECT quantity FROM costs WHERE name = ?", name)?.quantity ?? 0;
  }

  all(): ReadonlyMap<string, number> {
    const rows = this.#database.all<{ name: string; quantity: number }>(
      "SELECT name, quantity FROM costs ORDER BY name",
    );
    return new Map(rows.map(({ name, quantity }) => [name, quantity]));
  }
}
