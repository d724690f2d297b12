import type { CatalogDatabase } from "./catalog-database.ts";

/** The names of single facts about the catalogue. */
type FactName =
  | "vault"
  /** The vault as the service has described it: bind-to-vault.ts. */
  | "described-vault"
  /** The newest inventory that was imported to its end. */
  | "inventory"
  /** Up to where a target's manifest is recorded here. */
  | "rescue-manifest"
  /** Bytes that a rescue has requested in the last hour; its measured speed; what it does at the moment. */
  | "rescue-hour"
  | "rescue-speed"
  | "rescue-state"
  /** The manifest that uploaded archives without a line belong to. */
  | "unlisted-manifest"
  /** Exists while the indexes of archives do not. */
  | "unindexed"
  /** The date of the service's inventory before archives were deleted; empty if it had none. */
  | "emptied-inventory";

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
  delete(name: FactName): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", name);
  }
}
