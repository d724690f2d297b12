import { type Compilable, type CompiledQuery, type InsertObject, type QueryResult, type RawBuilder, sql } from "kysely";
import { invariant } from "../../domain/invariant.ts";
import type { Database, Schema } from "./tables/schema.ts";

/**
 * Statements that are built and compiled once for each database, and from then on only bound: building and compiling a
 * query costs several times what running it does. In `build`, the fields of `input` stand for values to come: they
 * may be put into the query, but not looked at.
 */
type Build<Input, Row> = (db: Database, input: Input) => Compilable<Row>;

export function manyRows<Input extends object, Row>(
  build: Build<Input, Row>,
): (db: Database, input: Input) => Promise<Row[]> {
  const run = prepared(build);
  return async (db, input) => (await run(db, input)).rows;
}

export function oneRow<Input extends object, Row>(
  build: Build<Input, Row>,
): (db: Database, input: Input) => Promise<Row | undefined> {
  const run = prepared(build);
  return async (db, input) => {
    const { rows } = await run(db, input);
    invariant(rows.length <= 1, "a statement for one row finds no more than one");
    return rows[0];
  };
}

/** Resolves to the number of rows that the statement changed. */
export function rowsChanged<Input extends object, Row>(
  build: Build<Input, Row>,
): (db: Database, input: Input) => Promise<number> {
  const run = prepared(build);
  return async (db, input) => Number((await run(db, input)).numAffectedRows ?? 0n);
}

/** Inserts one whole row. All rows of a table have the same columns, in whatever order. */
export function insertion<Name extends keyof Schema>(table: Name): (db: Database, row: Schema[Name]) => Promise<void> {
  let run: ((db: Database, row: Schema[Name]) => Promise<unknown>) | undefined;
  return async (db, row) => {
    const columns = Object.keys(row) as (keyof Schema[Name])[];
    run ??= prepared((kysely, values) =>
      kysely
        .insertInto(table)
        .values(Object.fromEntries(columns.map((name) => [name, values[name]])) as InsertObject<Schema, Name>),
    );
    await run(db, row);
  };
}

/** A value that is written into the SQL, not bound: only so does the planner see that a partial index fits. */
export function literal<const Value extends string | number>(value: Value): RawBuilder<Value> {
  return sql.lit(value);
}

/** A value of an input that is bound as `encode` makes it: for columns that hold another form of it. */
export function encoded<Value, Stored>(encode: (value: Value) => Stored): (value: Value) => Stored {
  return (value) =>
    value instanceof Placeholder
      ? (new Placeholder(value.field, encode as (value: unknown) => unknown) as Stored)
      : encode(value);
}

function prepared<Input extends object, Row>(
  build: Build<Input, Row>,
): (db: Database, input: Input) => Promise<QueryResult<Row>> {
  // Transactions share their database's adapter, so it stands for the database and its dialect.
  const compiled = new WeakMap<object, CompiledQuery<Row>>();
  return (db, input) => {
    const { adapter } = db.getExecutor();
    let query = compiled.get(adapter);
    if (query === undefined) {
      query = build(db, placeholders<Input>()).compile();
      compiled.set(adapter, query);
    }
    return db.executeQuery({ ...query, parameters: query.parameters.map((parameter) => bound(parameter, input)) });
  };
}

class Placeholder {
  readonly field: PropertyKey;
  readonly encode: (value: unknown) => unknown;

  constructor(field: PropertyKey, encode: (value: unknown) => unknown = (value) => value) {
    this.field = field;
    this.encode = encode;
  }

  [Symbol.toPrimitive](): never {
    invariant(false, `the value of ${String(this.field)} is not looked at while its statement is built`);
  }
}

function placeholders<Input extends object>(): Input {
  return new Proxy({}, { get: (_, field) => new Placeholder(field) }) as Input;
}

function bound(parameter: unknown, input: object): unknown {
  return parameter instanceof Placeholder ? parameter.encode(Reflect.get(input, parameter.field)) : parameter;
}
