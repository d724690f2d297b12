import type { DatabaseSync } from "node:sqlite";
import { nextPlace } from "../../../domain/stores/next-place.ts";
import { type CheckedRows, checkRows, checkSums } from "./row-check.ts";

/** Rows that are compared in one step: a transaction of some milliseconds, which holds up no checkpoint. */
const stepRows = 500;

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** By which its rows are in order. */
  readonly key: readonly string[];
  readonly indices: readonly Index[];
}

interface Index {
  readonly name: string;
  readonly columns: readonly string[];
  /** The condition of a partial index: which rows it has. */
  readonly condition: string | null;
}

type Values = ReadonlyArray<string | number | bigint | Uint8Array | null>;

/**
 * Reads every row of every table, and looks each up in every index of its table, in small steps. Yields after each step; returns
 * what is wrong, or null. SQLite's own check does not compare indices with rows, and reads everything in one transaction.
 * Rows that are not as they were stored, and missing or additional archives, are reported, and the check continues.
 */
export function* findDamage(checked: CheckedRows): Generator<void, string | null> {
  try {
    for (const table of tablesOf(checked.database)) {
      for (const findings of damageOf(checked.database, table, checked)) {
        if (findings[0] !== undefined) {
          return findings[0];
        }
        yield;
      }
    }
    yield* checkSums(checked);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * The same to its end, and the reverse: entries of indices that no row has. Yields the findings of each step. Counting an index
 * takes one statement, however large it is. A table that cannot be read to its end is one finding.
 * @param checked null when there is no key to check the rows' MACs with.
 */
export function* findAllDamage(
  database: DatabaseSync,
  checked: CheckedRows | null,
): Generator<readonly string[], void> {
  for (const table of tablesOf(database)) {
    try {
      yield* damageOf(database, table, checked);
      for (const index of table.indices) {
        yield surplusOf(database, table, index);
      }
    } catch (error) {
      yield [`the table ${table.name} cannot be read: ${(error as Error).message}`];
    }
  }
  for (const _ of checked === null ? [] : checkSums(checked)) {
    yield [];
  }
}

/** @param checked null when there is no key to check the rows' MACs with. */
function* damageOf(
  database: DatabaseSync,
  table: Table,
  checked: CheckedRows | null,
): Generator<readonly string[], void> {
  for (let after: Values | null = null; ; ) {
    const end: Values | null = endOfStep(database, table, after);
    const step = stepOf(table, after, end);
    if (checked !== null) {
      checkRows(checked, table.name, {
        statement: `SELECT * FROM ${step.rows} ${where(step.bounds)}`,
        values: step.values,
      });
    }
    yield damageIn(database, table, step);
    if (end === null) {
      return;
    }
    after = after === null ? end : nextPlace(after, end);
  }
}

function surplusOf(database: DatabaseSync, { name }: Table, index: Index): string[] {
  const condition = where(index.condition === null ? [] : [`(${index.condition})`]);
  const count = (how: string) => `(SELECT count(*) FROM ${quote(name)} ${how} ${condition})`;
  const counts = `SELECT ${count(`INDEXED BY ${quote(index.name)}`)} - ${count("NOT INDEXED")} AS surplus`;
  const surplus = Number(database.prepare(counts).get()?.["surplus"]);
  return surplus > 0 ? [`the index ${index.name} has ${surplus} entries that are no rows of the table ${name}`] : [];
}

/** The key of the last row of the next step; null when the rest is shorter. */
function endOfStep(database: DatabaseSync, { name, key }: Table, after: Values | null): Values | null {
  const order = key.map(quote).join(", ");
  const rest = after === null ? "" : `WHERE (${order}) > (${key.map(() => "?").join(", ")})`;
  const statement = `SELECT ${order} FROM ${quote(name)} NOT INDEXED ${rest} ORDER BY ${order} LIMIT 1 OFFSET ${stepRows - 1}`;
  const row = database.prepare(statement).get(...(after ?? []));
  return row === undefined ? null : (Object.values(row) as Values);
}

/** Rows between two keys. */
interface Step {
  readonly rows: string;
  readonly bounds: readonly string[];
  readonly values: Values;
}

function stepOf({ name, key }: Table, after: Values | null, end: Values | null): Step {
  const marks = key.map(() => "?").join(", ");
  const position = key.map((column) => `one.${quote(column)}`).join(", ");
  const bounds = [
    ...(after === null ? [] : [`(${position}) > (${marks})`]),
    ...(end === null ? [] : [`(${position}) <= (${marks})`]),
  ];
  return { rows: `${quote(name)} AS one NOT INDEXED`, bounds, values: [...(after ?? []), ...(end ?? [])] };
}

function damageIn(database: DatabaseSync, table: Table, { rows, bounds, values }: Step): string[] {
  const { name, columns, key, indices } = table;
  // A maximum needs each value to its last byte.
  const read = ["count(*)", ...columns.map((column) => `max(one.${quote(column)})`)].join(", ");
  const whole = database.prepare(`SELECT ${read} FROM ${rows} ${where(bounds)}`);
  // A damaged number may be larger than JavaScript's are.
  whole.setReadBigInts(true);
  whole.get(...values);
  const findings: string[] = [];
  for (const index of indices) {
    const same = [...index.columns, ...key].map((column) => `other.${quote(column)} IS one.${quote(column)}`);
    const condition = index.condition === null ? [] : [`(${index.condition})`];
    const found = `SELECT 1 FROM ${quote(name)} AS other INDEXED BY ${quote(index.name)} ${where([...same, ...condition])}`;
    const missing = where([...bounds, ...condition, `NOT EXISTS (${found})`]);
    const counted = database.prepare(`SELECT count(*) AS missing FROM ${rows} ${missing}`).get(...values);
    if (counted?.["missing"] !== 0) {
      findings.push(`the index ${index.name} lacks ${counted?.["missing"]} rows of the table ${name}`);
    }
  }
  return findings;
}

function tablesOf(database: DatabaseSync): Table[] {
  const tables = database
    .prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    .all();
  return tables
    .filter(({ name }) => !String(name).startsWith("sqlite_"))
    .map(({ name, wr }) => tableOf(database, String(name), wr === 1));
}

function tableOf(database: DatabaseSync, name: string, isWithoutRowId: boolean): Table {
  const columns = database.prepare("SELECT name, pk FROM pragma_table_info(?)").all(name);
  const primaryKey = columns
    .filter(({ pk }) => Number(pk) > 0)
    .sort((one, other) => Number(one["pk"]) - Number(other["pk"]));
  const indices = database.prepare("SELECT name, origin FROM pragma_index_list(?)").all(name);
  // The primary key of a table without row ids is the table.
  const table = isWithoutRowId ? indices.find(({ origin }) => origin === "pk") : undefined;
  return {
    name,
    columns: columns.map((column) => String(column["name"])),
    key: isWithoutRowId ? primaryKey.map((column) => String(column["name"])) : ["rowid"],
    indices: indices.filter((index) => index !== table).map((index) => indexOf(database, String(index["name"]))),
  };
}

function indexOf(database: DatabaseSync, name: string): Index {
  const columns = database
    .prepare("SELECT name FROM pragma_index_info(?) WHERE name IS NOT NULL ORDER BY seqno")
    .all(name);
  const text = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?").get(name)?.["sql"];
  const condition = /\)\s+where\s+(.+)$/is.exec(String(text ?? ""))?.[1] ?? null;
  return { name, columns: columns.map((column) => String(column["name"])), condition };
}

const where = (terms: readonly string[]): string => (terms.length === 0 ? "" : `WHERE ${terms.join(" AND ")}`);

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
