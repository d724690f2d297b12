import { InventoryFormatError } from "../transfer-errors.ts";

/** The fields of an entry, which have the same names in both formats. */
const columns = ["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"] as const;
type Column = (typeof columns)[number];

export type CsvRow = Readonly<Record<Column, string>>;

/**
 * Reads lines of an inventory in CSV. The header decides the order of the five columns.
 *
 * Glacier writes `\"` for a quotation mark in a quoted field but does not double a backslash, so a CSV parser cannot find the end of a
 * description whose last character is a backslash. This reader can: a record is one line, and only the description may contain commas and
 * quotation marks, so it is the text between the other columns.
 */
export class CsvRows {
  readonly #before: readonly Column[];
  /** Columns after the description, from the end of the line. */
  readonly #after: readonly Column[];

  /** Throws InventoryFormatError unless the header has exactly the five names. */
  constructor(header: string) {
    const names = withoutReturn(header)
      .split(",")
      .map((name) => unquoted(name));
    if (names.toSorted().join() !== columns.toSorted().join()) {
      throw new InventoryFormatError(`Invalid header of an inventory: ${header.slice(0, 200)}`);
    }
    const at = names.indexOf("ArchiveDescription");
    this.#before = names.slice(0, at) as Column[];
    this.#after = (names.slice(at + 1) as Column[]).reverse();
  }

  /** Parses a line. Throws InventoryFormatError if it does not have five columns. */
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

/**
 * Reverses the quoting: each quotation mark in a field was written with a backslash of its own. Spreadsheets that save an inventory again double
 * it instead, as no inventory does.
 */
function unquoted(field: string): string {
  const isQuoted = field.length >= 2 && field.startsWith('"') && field.endsWith('"');
  if (!isQuoted) {
    return field;
  }
  const text = field.slice(1, -1);
  return /(?<!\\)""/.test(text) ? text.replaceAll('""', '"') : text.replaceAll('\\"', '"');
}

function found(comma: number, line: string): number {
  if (comma < 0) {
    throw malformed(line);
  }
  return comma;
}

function malformed(line: string): InventoryFormatError {
  return new InventoryFormatError(`Invalid line of an inventory: ${line.slice(0, 200)}`);
}
