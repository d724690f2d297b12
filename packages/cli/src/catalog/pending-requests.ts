import type { CatalogDatabase } from "./catalog-database.ts";

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
  add(number: number, request: PendingRequest): void {
    this.#database.run(
      "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      `${prefix}${number}`,
      JSON.stringify(request),
    );
  }

  /** Keeps it as one whose job may still be listed, late, whatever becomes of the next request. */
  settle(number: number): void {
    this.#database.run(
      "UPDATE OR REPLACE facts SET name = ? WHERE name = ?",
      `${settled}${number}`,
      `${prefix}${number}`,
    );
  }

  /** Whether a job that is listed may be one that was requested, and paid for. */
  has(number: number): boolean {
    const names = [`${prefix}${number}`, `${settled}${number}`];
    return this.#database.get("SELECT 1 FROM facts WHERE name IN (?, ?)", ...names) !== undefined;
  }

  /** Forgets the request that was not settled. */
  delete(number: number): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", `${prefix}${number}`);
  }

  /** Forgets all requests of an archive: its job is known, or it is given up. */
  forget(number: number): void {
    this.delete(number);
    this.#database.run("DELETE FROM facts WHERE name = ?", `${settled}${number}`);
  }

  /** By the numbers of the archives. There are as few as requests at once. */
  all(): ReadonlyMap<number, PendingRequest> {
    const rows = this.#database.all<{ name: string; value: string }>(
      "SELECT name, value FROM facts WHERE name > ? AND name < ?",
      prefix,
      `${prefix}:`,
    );
    return new Map(rows.map(({ name, value }) => [Number(name.slice(prefix.length)), JSON.parse(value)]));
  }
}

/** A colon follows all digits. */
const prefix = "request-";
const settled = "settled-";
