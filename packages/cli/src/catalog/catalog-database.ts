import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { toCatalogError } from "./catalog-error.ts";

const lockWaitMilliseconds = 5000;

/** The SQLite file of a catalogue: prepares each statement once, and reports failures as CatalogError. */
export class CatalogDatabase implements Disposable {
  readonly path: string;
  /** Grows with each rollback, after which nothing may be remembered that the transaction wrote. */
  rollbackCount = 0;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /** Opens the file, or creates it if it may, and is not only read. */
  constructor(path: string, { readOnly = false, mayCreate = true } = {}) {
    this.path = path;
    const file = pathToFileURL(path);
    file.searchParams.set("mode", mayCreate ? "rwc" : "rw");
    const options = { timeout: lockWaitMilliseconds, readOnly };
    this.#database = this.#guarded(() => new DatabaseSync(readOnly ? path : file, options));
  }

  /** Executes statements that need no parameters. */
  exec(sql: string): void {
    this.#guarded(() => this.#database.exec(sql));
  }

  /** Runs a statement, and returns how many rows it changed and the number of the row it inserted last. */
  run(sql: string, ...values: SQLInputValue[]): { readonly changes: number; readonly lastNumber: number } {
    const { changes, lastInsertRowid } = this.#guarded(() => this.#statement(sql).run(...values));
    return { changes: Number(changes), lastNumber: Number(lastInsertRowid) };
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values)) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#statement(sql).all(...values)) as Row[];
  }

  /** Runs the work in a transaction. Within another one, becomes a part of it. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) {
      return work();
    }
    this.exec("BEGIN IMMEDIATE");
    this.#depth = 1;
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#depth = 0;
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  #rollBack(): void {
    this.rollbackCount += 1;
    // SQLite has rolled back by itself after some failures.
    if (this.#database.isTransaction) {
      this.exec("ROLLBACK");
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      return known;
    }
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toCatalogError(error, this.path);
    }
  }
}
