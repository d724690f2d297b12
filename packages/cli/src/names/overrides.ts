import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type CsvRow, csvRows } from "./csv-rows.ts";
import { type NameOverride, NamesFileError } from "./name-override.ts";
import { isMapping, mappingRows } from "./synology-mapping.ts";

/**
 * Reads the rows of a file of names, in constant memory: a CSV of archive ids and paths, or the database that Synology's Glacier Backup keeps
 * in the vault whose name ends in `_mapping`. An id may occur repeatedly; the order is the file's.
 *
 * Throws NamesFileError, with the number of the line, for a file that cannot be used. Rows before it have been read by then.
 */
export async function* readOverrides(file: string): AsyncGenerator<NameOverride, void, void> {
  const bytes = bytesOf(file);
  const first = await bytes.next();
  if (first.done !== true && isMapping(first.value)) {
    await bytes.return(undefined);
    if (!(await stat(file)).isFile()) {
      throw unreadable(file, new Error("a database has to be a file, not a pipe"));
    }
    yield* mappingRows(file);
    return;
  }
  yield* overridesOf(file, csvRows(joined(first.value, bytes)));
}

/**
 * A first row that names its columns may have others, in any order. Such a file may be an export, in which archives without a name have an empty
 * path, and stay without.
 */
async function* overridesOf(file: string, rows: AsyncIterable<CsvRow>): AsyncGenerator<NameOverride, void, void> {
  let columns: Columns | null = null;
  let isFirst = true;
  for await (const row of inFile(file, rows)) {
    const header = isFirst ? headerOf(row) : null;
    isFirst = false;
    if (header !== null) {
      columns = header;
    } else if (columns === null || !isEmpty(row.fields[columns.path])) {
      yield overrideOf(file, row, columns);
    }
  }
}

interface Columns {
  readonly id: number;
  readonly path: number;
  readonly count: number;
  /** Its paths are decoded already. */
  readonly isExport: boolean;
}

function headerOf({ fields }: CsvRow): Columns | null {
  const names = fields.map((field) => field.toLowerCase().replaceAll(/[\s_-]/g, ""));
  const [id, path] = [names.findIndex((name) => name === "archiveid" || name === "id"), names.indexOf("path")];
  return id < 0 || path < 0 ? null : { id, path, count: fields.length, isExport: names.includes("nameformat") };
}

function overrideOf(file: string, { fields, line }: CsvRow, columns: Columns | null): NameOverride {
  const fault = (problem: string) => new NamesFileError(`Invalid row in ${file}, line ${line}: ${problem}`);
  const { id, path, count, isExport } = columns ?? { id: 0, path: 1, count: 2, isExport: false };
  if (fields.length !== count) {
    const expected = columns === null ? "an archive id and a path" : "as many as the first line has";
    throw fault(`${fields.length} fields, expected ${count}, ${expected}; quote a field that has commas`);
  }
  const archiveId = (fields[id] ?? "").trim();
  if (!/^[\w-]{1,256}$/.test(archiveId)) {
    throw fault(
      `${shown(archiveId)} is not an archive id: letters, digits, - and _; expected the id first, then the path`,
    );
  }
  if (isEmpty(fields[path])) {
    throw fault(`archive ${archiveId} has an empty path; write one, or remove the line`);
  }
  const text = fields[path] ?? "";
  // As in descriptions that may come from Windows.
  return { archiveId, path: isExport ? text : text.replaceAll("\\", "/"), format: "names-file" };
}

const isEmpty = (field: string | undefined): boolean => (field ?? "").trim() === "";

const shown = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Adds the file to errors of its syntax. */
async function* inFile(file: string, rows: AsyncIterable<CsvRow>): AsyncGenerator<CsvRow, void, void> {
  try {
    yield* rows;
  } catch (error) {
    throw error instanceof SyntaxError ? new NamesFileError(`Invalid row in ${file}, ${error.message}`) : error;
  }
}

async function* joined(
  first: Uint8Array | undefined,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  if (first !== undefined) {
    yield first;
  }
  yield* rest;
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array, undefined, void> {
  try {
    for await (const piece of createReadStream(file)) {
      yield piece;
    }
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): NamesFileError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NamesFileError(`Cannot read names from ${file}: ${reason}; expected a CSV file of archive ids and paths`, {
    cause,
  });
}
