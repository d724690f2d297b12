import { setImmediate as nextTurn } from "node:timers/promises";
import type { CatalogDatabase } from "../catalog-database.ts";
import { FactTable } from "../fact-table.ts";
import { archiveIndexes } from "../schema.ts";
import { type ArchiveRow, archiveColumns, archiveOf } from "./archive-row.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import { buildIndexes } from "./build-indexes.ts";
import { FormatNames } from "./format-names.ts";

/** Known archives up to which a first import is assumed: those uploaded before it. */
const knownMax = 10_000;

/**
 * Adds the archives of a first inventory without indexes, which are built at the end. Row by row, in the random order of ids, the indexes
 * of 10⁷ archives would be written some hundred times over.
 */
export class BulkArchives {
  readonly #database: CatalogDatabase;
  readonly #writer: ArchiveWriter;
  #isStarted = false;

  constructor(database: CatalogDatabase, writer: ArchiveWriter) {
    this.#database = database;
    this.#writer = writer;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /**
   * Drops the indexes. Does nothing if the catalogue has too many archives already, or if jobs and copies refer to them: an import that does not
   * end must not take those away.
   */
  start(): void {
    this.#database.transaction(() => {
      if (this.#isFirst()) {
        this.#facts.set("unindexed", "true");
        this.#database.exec(
          Object.keys(archiveIndexes)
            .map((name) => `DROP INDEX IF EXISTS ${name}`)
            .join(";"),
        );
        this.#isStarted = true;
      }
    });
  }

  #isFirst(): boolean {
    const hasRow = (from: string, offset: number) =>
      this.#database.get(`SELECT 1 FROM ${from} LIMIT 1 OFFSET ?`, offset) !== undefined;
    return !(hasRow("archives", knownMax) || hasRow("jobs", 0) || hasRow("copies", 0));
  }

  /**
   * Builds the indexes, also those of an import that was interrupted, and joins archives that were added twice.
   *
   * @param onJoined called with the number of an archive that was known before, or listed twice.
   */
  async finish(listedAt: Date | null, onJoined: (number: number) => void, signal: AbortSignal): Promise<void> {
    this.#isStarted = false;
    if (this.#facts.get("unindexed") === null) {
      return;
    }
    await buildIndexes(this.#database.path, Object.values(archiveIndexes), signal);
    for (let slice = 0; slice < slices; slice += 1) {
      this.#database.transaction(() => this.#join(slice, listedAt, onJoined));
      await nextTurn();
    }
    this.#facts.delete("unindexed");
  }

  get #facts(): FactTable {
    return new FactTable(this.#database);
  }

  /** Looks for equal ids among the keys of a slice. */
  #join(slice: number, listedAt: Date | null, onJoined: (number: number) => void): void {
    const keys = this.#database.all<{ id_key: number }>(
      "SELECT id_key FROM archives WHERE id_key >= ? AND id_key < ? GROUP BY id_key HAVING count(*) > 1",
      slice * sliceSize,
      (slice + 1) * sliceSize,
    );
    const formatName = new FormatNames(this.#database).reader();
    for (const { id_key: key } of keys) {
      const rows = this.#database.all<ArchiveRow>(
        `SELECT ${archiveColumns} FROM archives WHERE id_key = ? ORDER BY number`,
        key,
      );
      for (const row of rows) {
        const archive = archiveOf(row, formatName);
        const first = this.#writer.find(archive.archiveId);
        if (first !== null && first.number < row.number) {
          this.#writer.remove(row.number);
          this.#writer.correct(first, archive, listedAt);
          onJoined(first.number);
        }
      }
    }
  }
}

/** Keys have 48 bits. A slice of 10⁷ archives has 40,000, which takes some milliseconds. */
const slices = 256;
const sliceSize = 2 ** 48 / slices;
