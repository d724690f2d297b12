import { setImmediate as nextTurn } from "node:timers/promises";
import { type ArchiveFilter, defaultStates, filterSql } from "./archive-filter.ts";
import { type ArchiveOrder, orders, type Position, readPage } from "./archive-pages.ts";
import {
  type ArchiveRow,
  archiveColumns,
  archiveOf,
  archiveValues,
  type CatalogArchive,
  detailValues,
  insertArchive,
  type NewArchive,
  stateNumber,
} from "./archive-row.ts";
import { type ArchiveTotals, emptyTotals, sumPage } from "./archive-totals.ts";
import type { CatalogDatabase } from "./catalog-database.ts";
import { FormatNames } from "./format-names.ts";
import { textKey } from "./packed-id.ts";

/** The archives of the vault, as far as they are known. */
export class ArchiveTable {
  readonly #database: CatalogDatabase;
  readonly #formats: FormatNames;

  constructor(database: CatalogDatabase) {
    this.#database = database;
    this.#formats = new FormatNames(database);
  }

  /**
   * Adds archives that an inventory lists, as "present", and corrects those that are known. One that was deleted here, or had vanished,
   * stays so unless the inventory is newer.
   *
   * @param listedAt the date of the inventory; null if it has none.
   * @returns the numbers of the archives in the order given, and how many of them are new.
   */
  addInventory(
    archives: readonly NewArchive[],
    listedAt: Date | null,
  ): { readonly numbers: readonly number[]; readonly addedCount: number } {
    return this.#database.transaction(() => {
      let addedCount = 0;
      const numbers = archives.map((archive) => {
        const known = this.#find(archive.archiveId);
        if (known === null) {
          addedCount += 1;
          return this.#insert(archive, "present");
        }
        this.#correct(known, archive, listedAt);
        return known.number;
      });
      return { numbers, addedCount };
    });
  }

  /** Adds an archive that this program has uploaded, and returns its number. Changes nothing for a known one. */
  addUploaded(archive: NewArchive): number {
    return this.#database.transaction(() => this.#find(archive.archiveId)?.number ?? this.#insert(archive, "uploaded"));
  }

  get(archiveId: string): CatalogArchive | null {
    const row = this.#find(archiveId);
    return row === null ? null : archiveOf(row, this.#formats.reader());
  }

  byNumber(number: number): CatalogArchive | null {
    const row = this.#database.get<ArchiveRow>(`SELECT ${archiveColumns} FROM archives WHERE number = ?`, number);
    return row === undefined ? null : archiveOf(row, this.#formats.reader());
  }

  /**
   * Yields archives by their dates of creation, in batches, which are never empty. Each is read by itself, so archives may change meanwhile.
   *
   * @param after resumes after this archive.
   */
  inOrderOfCreation(
    filter: ArchiveFilter = {},
    after: Pick<CatalogArchive, "createdAt" | "number"> | null = null,
  ): AsyncGenerator<readonly CatalogArchive[], void, void> {
    const from = filter.createdFrom?.getTime();
    const order = (filter.states ?? defaultStates).includes("present") ? orders.creation : orders.creationOfUnlisted;
    const first = after === null ? (from === undefined ? order.start : { key: from, number: 0 }) : positionOf(after);
    return this.#pages(order, filter, { after: first, until: filter.createdBefore?.getTime() ?? null });
  }

  /**
   * Yields archives by their decoded paths.
   *
   * @param prefix only paths that begin with it, which are found without reading the others.
   */
  inOrderOfPath(filter: ArchiveFilter = {}, prefix = ""): AsyncGenerator<readonly CatalogArchive[], void, void> {
    return this.#pages(orders.path, filter, { after: { key: prefix, number: 0 }, until: endOfPrefix(prefix) });
  }

  /** Counts in pages, so it takes some seconds for 10⁷ archives. */
  async count(filter: ArchiveFilter = {}): Promise<number> {
    return (await this.totals(filter)).archives;
  }

  async totals(filter: ArchiveFilter = {}): Promise<ArchiveTotals> {
    const totals = emptyTotals();
    const { condition, values } = filterSql(filter, this.#formats);
    let after = 0;
    while (true) {
      const last = sumPage(this.#database, totals, { after, condition, values });
      if (last === null) {
        return totals;
      }
      after = last;
      await nextTurn();
    }
  }

  markDeleted(numbers: readonly number[], at: Date): void {
    this.#database.transaction(() => {
      for (const number of numbers) {
        this.#setState(number, "deleted", at);
      }
    });
  }

  async *#pages(
    order: ArchiveOrder,
    filter: ArchiveFilter,
    { after, until }: { readonly after: Position; readonly until: Position["key"] | null },
  ): AsyncGenerator<readonly CatalogArchive[], void, void> {
    let position: Position | null = after;
    while (position !== null) {
      const sql = filterSql(filter, this.#formats);
      const { rows, end } = readPage(this.#database, order, { after: position, filter: sql, until });
      if (rows.length > 0) {
        const formatName = this.#formats.reader();
        yield rows.map((row) => archiveOf(row, formatName));
      }
      position = end;
      await nextTurn();
    }
  }

  #find(archiveId: string): ArchiveRow | null {
    const rows = this.#database.all<ArchiveRow>(
      `SELECT ${archiveColumns} FROM archives WHERE id_key = ?`,
      textKey(archiveId),
    );
    return rows.find((row) => archiveOf(row, String).archiveId === archiveId) ?? null;
  }

  #insert(archive: NewArchive, state: "present" | "uploaded"): number {
    const format = this.#formats.numberOf(archive.format);
    return this.#database.run(insertArchive, ...archiveValues(archive, format, state)).lastNumber;
  }

  #correct(row: ArchiveRow, archive: NewArchive, listedAt: Date | null): void {
    const isNewer = row.state_at === null || (listedAt !== null && listedAt.getTime() > row.state_at);
    if (row.state !== stateNumber("present") && isNewer) {
      this.#setState(row.number, "present", null);
    }
    const values = detailValues(archive, this.#formats.numberOf(archive.format));
    const known = [
      row.size_bytes,
      row.tree_hash,
      row.description,
      row.created_at,
      row.path,
      row.format,
      row.modified_at,
    ];
    if (!values.every((value, at) => isSame(value, known[at]))) {
      this.#database.run(
        `UPDATE archives SET size_bytes = ?, tree_hash = ?, description = ?, created_at = ?, path = ?, format = ?, modified_at = ?
         WHERE number = ?`,
        ...values,
        row.number,
      );
    }
  }

  #setState(number: number, state: CatalogArchive["state"], at: Date | null): void {
    this.#database.run(
      "UPDATE archives SET state = ?, state_at = ? WHERE number = ?",
      stateNumber(state),
      at?.getTime() ?? null,
      number,
    );
  }
}

const positionOf = ({ createdAt, number }: Pick<CatalogArchive, "createdAt" | "number">): Position => ({
  key: createdAt.getTime(),
  number,
});

/** Returns the first string after all that begin with the prefix, in the order of code points; null if there is none. */
function endOfPrefix(prefix: string): string | null {
  const characters = [...prefix];
  const point = characters.pop()?.codePointAt(0);
  if (point === undefined) {
    return null;
  }
  // Surrogates are no characters by themselves.
  const next = point === 0xd7ff ? 0xe000 : point + 1;
  return next > 0x10ffff ? endOfPrefix(characters.join("")) : characters.join("") + String.fromCodePoint(next);
}

function isSame(value: unknown, known: unknown): boolean {
  return value instanceof Uint8Array && known instanceof Uint8Array
    ? Buffer.compare(value, known) === 0
    : value === known;
}
