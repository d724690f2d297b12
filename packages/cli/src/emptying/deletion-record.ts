import type { Catalog } from "../catalog/catalog.ts";

/** Deletions that a kill leaves unrecorded, at most. */
export const batchSize = 50;
const flushMilliseconds = 100;

/**
 * Records deletions in the catalogue, many in one transaction. A kill loses the last ones: those archives are deleted again by the next run,
 * which the service accepts.
 */
export class DeletionRecord {
  readonly #catalog: Pick<Catalog, "archives">;
  readonly #now: () => Date;
  #numbers: number[] = [];
  #flushedAt = performance.now();

  constructor(catalog: Pick<Catalog, "archives">, now: () => Date) {
    this.#catalog = catalog;
    this.#now = now;
  }

  add(number: number): void {
    this.#numbers.push(number);
    if (this.#numbers.length >= batchSize || performance.now() - this.#flushedAt >= flushMilliseconds) {
      this.flush();
    }
  }

  flush(): void {
    const numbers = this.#numbers;
    this.#numbers = [];
    this.#flushedAt = performance.now();
    if (numbers.length > 0) {
      this.#catalog.archives.markDeleted(numbers, this.#now());
    }
  }
}
