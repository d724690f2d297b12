import type { NameOverride } from "../../names/name-override.ts";
import type { CatalogDatabase } from "../catalog-database.ts";
import { textKey, unpackId } from "../packed-id.ts";
import {
  type ArchiveRow,
  type ArchiveState,
  archiveColumns,
  archiveValues,
  detailValues,
  insertArchive,
  type NewArchive,
  stateNumber,
} from "./archive-row.ts";
import type { FormatNames } from "./format-names.ts";

/** Formats of paths that are not from the descriptions of archives, so that no inventory changes them. */
const givenFormats: readonly NameOverride["format"][] = ["names-file", "synology"];

/** The changes of single rows of archives, each a part of the caller's transaction. */
export class ArchiveWriter {
  readonly #database: CatalogDatabase;
  readonly #formats: FormatNames;

  constructor(database: CatalogDatabase, formats: FormatNames) {
    this.#database = database;
    this.#formats = formats;
  }

  find(archiveId: string): ArchiveRow | null {
    const rows = this.#database.all<ArchiveRow>(
      `SELECT ${archiveColumns} FROM archives WHERE id_key = ?`,
      textKey(archiveId),
    );
    return rows.find(({ id }) => unpackId(id) === archiveId) ?? null;
  }

  insert(archive: NewArchive, state: "present" | "uploaded"): number {
    const format = this.#formats.numberOf(archive.format);
    return this.#database.run(insertArchive, ...archiveValues(archive, format, state)).lastNumber;
  }

  /** Makes a known archive agree with an inventory of this date. Returns whether anything had to be changed. */
  correct(row: ArchiveRow, archive: NewArchive, listedAt: Date | null): boolean {
    const isNewer = row.state_at === null || (listedAt !== null && listedAt.getTime() > row.state_at);
    const isBack = row.state !== stateNumber("present") && isNewer;
    if (isBack) {
      this.setState(row.number, "present", null);
    }
    const given = givenFormats.find((format) => row.format === this.#formats.known(format));
    const wanted = given === undefined ? archive : { ...archive, path: row.path ?? row.description, format: given };
    const values = detailValues(wanted, this.#formats.numberOf(wanted.format));
    const known = [
      row.size_bytes,
      Buffer.from(row.tree_hash, "hex"),
      row.description,
      row.created_at,
      row.path,
      row.format,
      row.modified_at,
    ];
    const isOther = !values.every((value, at) => isSame(value, known[at]));
    if (isOther) {
      this.#database.run(
        `UPDATE archives SET size_bytes = ?, tree_hash = ?, description = ?, created_at = ?, path = ?, format = ?, modified_at = ?
         WHERE number = ?`,
        ...values,
        row.number,
      );
    }
    return isBack || isOther;
  }

  setState(number: number, state: ArchiveState, at: Date | null): void {
    this.#database.run(
      "UPDATE archives SET state = ?, state_at = ? WHERE number = ?",
      stateNumber(state),
      at?.getTime() ?? null,
      number,
    );
  }

  rename(row: ArchiveRow, { path, format }: NameOverride): void {
    this.#database.run(
      "UPDATE archives SET path = nullif(?, description), format = ? WHERE number = ?",
      path,
      this.#formats.numberOf(format),
      row.number,
    );
  }

  remove(number: number): void {
    this.#database.run("DELETE FROM archives WHERE number = ?", number);
  }
}

function isSame(value: unknown, known: unknown): boolean {
  return value instanceof Uint8Array && known instanceof Uint8Array
    ? Buffer.compare(value, known) === 0
    : value === known;
}
