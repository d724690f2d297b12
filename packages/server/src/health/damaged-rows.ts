import type { Logger } from "pino";
import type { DamagedRow } from "../domain/stores/metadata-store.ts";

/** Bounds the memory: at this count the database itself is damaged. */
const rowsMax = 1000;

/** Rows of the metadata that were met damaged since the start. Each is logged once, however often it is met. */
export class DamagedRows {
  readonly #log: Pick<Logger, "error">;
  readonly #known = new Set<string>();

  constructor(log: Pick<Logger, "error">) {
    this.#log = log;
  }

  get count(): number {
    return this.#known.size;
  }

  met({ table, row }: DamagedRow): void {
    const name = `${table} ${row}`;
    if (this.#known.has(name) || this.#known.size >= rowsMax) {
      return;
    }
    this.#known.add(name);
    this.#log.error({ table, row }, "metadata are damaged: a row is not as it was stored, and is not used");
  }
}
