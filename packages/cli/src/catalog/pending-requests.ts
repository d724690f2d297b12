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

  delete(number: number): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", `${prefix}${number}`);
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
