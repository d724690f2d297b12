import type { CatalogDatabase } from "../catalog-database.ts";

/** The names of formats, each of which rows refer to by a number of one byte. */
export class FormatNames {
  readonly #database: CatalogDatabase;
  #numbers = new Map<string, number>();
  #rollbackCount = 0;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Returns the number of a format, and gives it one in the transaction that is open. */
  numberOf(name: string): number {
    const number = this.known(name) ?? this.#database.run("INSERT INTO formats (name) VALUES (?)", name).lastNumber;
    this.#numbers.set(name, number);
    return number;
  }

  /** Returns the number of a format, or null if no archive has had it. */
  known(name: string): number | null {
    if (this.#rollbackCount !== this.#database.rollbackCount) {
      this.#numbers.clear();
      this.#rollbackCount = this.#database.rollbackCount;
    }
    const remembered = this.#numbers.get(name);
    if (remembered !== undefined) {
      return remembered;
    }
    const row = this.#database.get<{ number: number }>("SELECT number FROM formats WHERE name = ?", name);
    return row?.number ?? null;
  }

  /** Returns a function that knows the names as they are now. */
  reader(): (number: number) => string {
    const rows = this.#database.all<{ number: number; name: string }>("SELECT number, name FROM formats");
    const names = new Map(rows.map(({ number, name }) => [number, name]));
    return (number) => names.get(number) ?? "text";
  }
}
