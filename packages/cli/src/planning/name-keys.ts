import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Each part of 10⁷ keys has 40,000, which are sorted in some milliseconds. */
const partCount = 256;

/** Keys of names in a temporary file, which SQLite removes by itself: finds the equal ones among any number of them. */
export class NameKeys implements Disposable {
  readonly #database = new DatabaseSync("");
  readonly #inserts: readonly StatementSync[];

  constructor() {
    this.#database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384");
    this.#inserts = Array.from({ length: partCount }, (_, part) => {
      this.#database.exec(`CREATE TABLE part_${part} (key INTEGER NOT NULL, number INTEGER NOT NULL) STRICT`);
      return this.#database.prepare(`INSERT INTO part_${part} VALUES (?, ?)`);
    });
  }

  add(keys: readonly { readonly key: number; readonly number: number }[]): void {
    this.#database.exec("BEGIN");
    for (const { key, number } of keys) {
      this.#inserts[key % partCount]?.run(key, number);
    }
    this.#database.exec("COMMIT");
  }

  /** Counts the keys that another one before them equals, and returns the numbers of some of them. */
  async duplicates(examplesMax: number): Promise<{ readonly count: number; readonly examples: readonly number[] }> {
    let count = 0;
    const examples: number[] = [];
    for (let part = 0; part < partCount; part += 1) {
      const groups = `FROM part_${part} GROUP BY key HAVING count(*) > 1`;
      const row = this.#database.prepare(`SELECT sum(n - 1) AS count FROM (SELECT count(*) AS n ${groups})`).get();
      count += Number(row?.["count"] ?? 0);
      if (examples.length < examplesMax) {
        const found = this.#database.prepare(`SELECT max(number) AS number ${groups} LIMIT ?`).all(examplesMax);
        examples.push(...found.map(({ number }) => Number(number)));
      }
      await nextTurn();
    }
    return { count, examples: examples.slice(0, examplesMax) };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
