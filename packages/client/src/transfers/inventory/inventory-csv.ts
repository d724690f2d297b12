import { InventoryFormatError } from "../transfer-errors.ts";

/** Members of an entry, as both documents name them. */
const columns = ["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"] as const;
type Column = (typeof columns)[number];

export type CsvRow = Readonly<Record<Column, string>>;

/**
 * Reads lines of an inventory in CSV, its five columns in whatever order the header has.
 *
 * Glacier writes `\"` for a quotation mark in a quoted field but leaves a backslash single, so that a reader of CSV cannot
 * tell where a description ends whose last character is a backslash. We can: only the description may hold a comma or a
 * quotation mark, a record is one line, and so the description is what lies between the columns on either side.
 */
export class CsvRows {
  readonly #before: readonly Column[];
  /** From the end of the line. */
  readonly #after: readonly Column[];

  /** Throws InventoryFormatError unless it has exactly the five names. */
  constructor(header: string) {
    const names = withoutReturn(header)
      .split(",")
      .map((name) => unquoted(name));
    if (names.toSorted().join() !== columns.toSorted().join()) {
      throw new InventoryFormatError(`This is no header of an inventory: ${header.slice(0, 200)}`);
    }
    const at = names.indexOf("ArchiveDescription");
    this.#before = names.slice(0, at) as Column[];
    this.#after = (names.slice(at + 1) as Column[]).reverse();
  }

  /** Throws InventoryFormatError for a line that has no five columns. */
  row(text: string): CsvRow {
    const line = withoutReturn(text);
    const row: Partial<Record<Column, string>> = {};
    let start = 0;
    for (const name of this.#before) {
      const comma = found(line.indexOf(",", start), line);
      row[name] = unquoted(line.slice(start, comma));
      start = comma + 1;
    }
    let end = line.length;
    for (const name of this.#after) {
      const comma = found(line.lastIndexOf(",", end - 1), line);
      row[name] = unquoted(line.slice(comma + 1, end));
      end = comma;
    }
    if (end < start) {
      throw malformed(line);
    }
    row.ArchiveDescription = unquoted(line.slice(start, end));
    return row as CsvRow;
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Each quotation mark inside was written behind a backslash of its own, so this is exactly the way back. */
function unquoted(field: string): string {
  const isQuoted = field.length >= 2 && field.startsWith('"') && field.endsWith('"');
  return isQuoted ? field.slice(1, -1).replaceAll('\\"', '"') : field;
}

function found(comma: number, line: string): number {
  if (comma < 0) {
    throw malformed(line);
  }
  return comma;
}

function malformed(line: string): InventoryFormatError {
  return new InventoryFormatError(`This is no line of an inventory: ${line.slice(0, 200)}`);
}
