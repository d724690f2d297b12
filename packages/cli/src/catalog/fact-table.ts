import type { CatalogDatabase } from "./catalog-database.ts";

/** Single facts about the catalogue, by name. */
type FactName = "vault" | "inventory";

export class FactTable {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  get(name: FactName): string | null {
    return this.#database.get<{ value: string }>("SELECT value FROM facts WHERE name = ?", name)?.value ?? null;
  }

  set(name: FactName, value: string): void {
    this.#database.run("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value);
  }
}
