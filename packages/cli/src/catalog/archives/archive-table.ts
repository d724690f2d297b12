import { setImmediate as nextTurn } from "node:timers/promises";
import type { NameOverride } from "../../names/name-override.ts";
import type { CatalogDatabase } from "../catalog-database.ts";
import { nextNumber, nextPosition } from "../next-position.ts";
import { type ArchiveFilter, defaultStates, filterSql } from "./archive-filter.ts";
import { type ArchiveOrder, orders, type Position, readPage } from "./archive-pages.ts";
import {
  type ArchiveRow,
  archiveColumns,
  archiveOf,
  type CatalogArchive,
  type NewArchive,
  stateNumber,
} from "./archive-row.ts";
import { type ArchiveTotals, emptyTotals, sumPage } from "./archive-totals.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { BulkArchives } from "./bulk-archives.ts";
import { FormatNames } from "./format-names.ts";
import { type Judged, markVanished } from "./vanished-archives.ts";

/** Versions of a path among which the newest is looked for. */
const versionsMax = 100;

/** The archives of the vault, as far as they are known. */
export class ArchiveTable {
  readonly #database: CatalogDatabase;
  readonly #formats: FormatNames;
  readonly #writer: ArchiveWriter;
  readonly #bulk: BulkArchives;

  constructor(database: CatalogDatabase) {
    this.#database = database;
    this.#formats = new FormatNames(database);
    this.#writer = new ArchiveWriter(database, this.#formats);
    this.#bulk = new BulkArchives(database, this.#writer);
  }

  /**
   * Adds archives that an inventory lists, as "present", and corrects those that are known. One that was deleted here, or had vanished,
   * stays so unless the inventory is newer.
   *
   * While `bulk` is started, known archives are not looked for: they are added twice, and its `finish` joins them.
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
        const known = this.#bulk.isStarted ? null : this.#writer.find(archive.archiveId);
        if (known === null) {
          addedCount += 1;
          return this.#writer.insert(archive, "present");
        }
        this.#writer.correct(known, archive, listedAt);
        return known.number;
      });
      return { numbers, addedCount };
    });
  }

  /**
   * Adds an archive that this program has uploaded, and returns its number. Changes nothing for a known one. It is newer than all others of
   * its path, also when this machine's clock is behind the service's.
   */
  addUploaded(archive: NewArchive): number {
    return this.#database.transaction(() => {
      const known = this.#writer.find(archive.archiveId);
      return known?.number ?? this.#writer.insert({ ...archive, createdAt: this.#newest(archive) }, "uploaded");
    });
  }

  /** Looks at the last ones alone: many archives may have no path. */
  #newest({ createdAt, path }: NewArchive): Date {
    const newest = this.#database.get<{ at: number | null }>(
      `SELECT max(created_at) AS at FROM (
         SELECT created_at FROM archives WHERE ifnull(path, description) = ? ORDER BY number DESC LIMIT ${versionsMax}
       )`,
      path,
    )?.at;
    return new Date(Math.max(createdAt.getTime(), (newest ?? 0) + 1));
  }

  /** Adds the archives of a first inventory much faster. */
  get bulk(): BulkArchives {
    return this.#bulk;
  }

  get(archiveId: string): CatalogArchive | null {
    const row = this.#writer.find(archiveId);
    return row === null ? null : archiveOf(row, this.#formats.reader());
  }

  /** The number of the archive that was added last; 0 if there is none. */
  lastNumber(): number {
    return this.#database.get<{ last: number }>("SELECT ifnull(max(number), 0) AS last FROM archives")?.last ?? 0;
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

  /** Yields the archives that have exactly this decoded path, in the order of their numbers. */
  atPath(path: string, filter: ArchiveFilter = {}): AsyncGenerator<readonly CatalogArchive[], void, void> {
    // No text is between a path and the path with a NUL at its end.
    return this.#pages(orders.path, filter, { after: { key: path, number: 0 }, until: `${path}\0` });
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
      after = nextNumber(after, last);
      await nextTurn();
    }
  }

  /** Counts those that this program has deleted since then. */
  deletedSince(date: Date): number {
    const row = this.#database.get<{ archives: number }>(
      `SELECT count(*) AS archives FROM archives WHERE state <> 0 AND state = ${stateNumber("deleted")} AND state_at >= ?`,
      date.getTime(),
    );
    return row?.archives ?? 0;
  }

  markDeleted(numbers: readonly number[], at: Date): void {
    this.#database.transaction(() => {
      for (const number of numbers) {
        this.#writer.setState(number, "deleted", at);
      }
    });
  }

  /** Gives an archive a path in the place of the decoded one, which inventories do not change. Returns whether the archive is known. */
  rename(override: NameOverride): boolean {
    return this.#database.transaction(() => {
      const row = this.#writer.find(override.archiveId);
      if (row !== null) {
        this.#writer.rename(row, override);
      }
      return row !== null;
    });
  }

  /**
   * Marks the archives that a complete inventory of this date does not list: present ones created until then, and uploaded ones.
   *
   * @returns how many it has marked.
   */
  markVanished(judged: Judged): Promise<number> {
    return markVanished(this.#database, this.#writer, judged);
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
      position = nextPosition(position, end);
      await nextTurn();
    }
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
