import type { Compilable } from "kysely";
import { invariant } from "../../../../domain/invariant.ts";
import { DamagedRowError } from "../../../../domain/stores/metadata-store.ts";
import { insertion, manyRows, rowsChanged } from "../../prepared.ts";
import type { Database, Schema } from "../schema.ts";
import { macOf, type SealedValues } from "./row-hasher.ts";
import { assertSound, isSound, nameOf, refused, sealOf } from "./row-seal.ts";
import { type SealedTableName, sealedTables } from "./sealed-columns.ts";

// Statements of tables whose rows have a MAC. Each row is checked when it is read, and a row is changed only as it was read: so
// that no change gives a damaged row a new MAC.

type Stored<Name extends SealedTableName> = Schema[Name];
type RowOf<Name extends SealedTableName> = Omit<Stored<Name>, "mac">;
type Build<Name extends SealedTableName, Input> = (db: Database, input: Input) => Compilable<Stored<Name>>;

/**
 * Selects no more than one row, with all of its columns.
 *
 * @param isAsked whether the row is the one that was asked for: a damaged index leads to others, which are sound.
 */
export function sealedRow<Name extends SealedTableName, Input extends object>(
  table: Name,
  build: Build<Name, Input>,
  isAsked: (row: Stored<Name>, input: Input) => boolean = () => true,
): (db: Database, input: Input) => Promise<Stored<Name> | undefined> {
  const select = readable(table, build);
  return async (db, input) => {
    const rows = await select(db, input);
    invariant(rows.length <= 1, "a statement for one row finds no more than one");
    const [row] = rows;
    if (row !== undefined) {
      assertSound(db, table, row as unknown as SealedValues);
      if (!isAsked(row, input)) {
        throw refused(db, { table, row: `an index leads to ${nameOf(table, row as unknown as SealedValues)}` });
      }
    }
    return row;
  };
}

/** Selects rows with all of their columns, and throws at the first that is damaged: for answers, which must be complete. */
export function sealedRows<Name extends SealedTableName, Input extends object>(
  table: Name,
  build: Build<Name, Input>,
): (db: Database, input: Input, onRow?: (row: Stored<Name>, digest: string) => void) => Promise<Stored<Name>[]> {
  const select = readable(table, build);
  return async (db, input, onRow) => {
    const rows = await select(db, input);
    for (const row of rows) {
      const digest = assertSound(db, table, row as unknown as SealedValues);
      onRow?.(row, digest);
    }
    return rows;
  };
}

/** Selects rows with all of their columns, and leaves out those that are damaged: for rounds of work, which continue with the others. */
export function soundRows<Name extends SealedTableName, Input extends object>(
  table: Name,
  build: Build<Name, Input>,
): (db: Database, input: Input) => Promise<Stored<Name>[]> {
  const select = readable(table, build);
  return async (db, input) => {
    const rows = await select(db, input).catch((error: unknown) => {
      if (error instanceof DamagedRowError) {
        // It was reported; nothing tells the others from it.
        return [];
      }
      throw error;
    });
    return rows.filter((row) => isUsable(db, table, row as unknown as SealedValues));
  };
}

/** Reports the row when it is damaged. */
export function isUsable(db: Database, table: SealedTableName, row: SealedValues): boolean {
  const { hasher, onDamagedRow } = sealOf(db);
  const sound = isSound(hasher, table, row);
  if (!sound) {
    onDamagedRow({ table, row: nameOf(table, row) });
  }
  return sound;
}

/** Inserts a row, and resolves to its digest. */
export function sealedInsertion<Name extends SealedTableName>(
  table: Name,
): (db: Database, row: RowOf<Name>) => Promise<string> {
  const insert = insertion(table);
  return async (db, row) => {
    const digest = sealOf(db).hasher.digest(table, row as SealedValues);
    await insert(db, { ...row, mac: macOf(digest) } as unknown as Stored<Name>);
    return digest;
  };
}

/** Changes the named columns of a row that was read in the same transaction, and resolves to the row as it is now. */
export function changing<Name extends SealedTableName, Column extends keyof RowOf<Name> & string>(
  table: Name,
  ...columns: Column[]
): (db: Database, row: RowOf<Name>, change: Pick<RowOf<Name>, Column>) => Promise<RowOf<Name>> {
  const update = rowsChanged((db, input: Record<string, unknown>) => {
    const set = Object.fromEntries([...columns, "mac"].map((column) => [column, input[column]]));
    return keyed(table, db.updateTable(table as "vaults").set(set), input);
  });
  return async (db, row, change) => {
    const next = { ...row, ...change };
    const mac = macOf(sealOf(db).hasher.digest(table, next as unknown as SealedValues));
    const changed = await update(db, { ...next, mac });
    invariant(changed === 1, "a row that was read is still there");
    return next;
  };
}

/** Deletes a row that was read in the same transaction. */
export function removal<Name extends SealedTableName>(
  table: Name,
): (db: Database, row: RowOf<Name>) => Promise<number> {
  const remove = rowsChanged((db, input: Record<string, unknown>) =>
    keyed(table, db.deleteFrom(table as "vaults"), input),
  );
  return (db, row) => remove(db, row as Record<string, unknown>);
}

interface Conditional<Self> {
  where(column: never, operator: "=", value: never): Self;
}

function keyed<Query>(table: SealedTableName, query: Query, input: Record<string, unknown>): Query {
  let narrowed = query as Conditional<unknown>;
  for (const column of sealedTables[table].key) {
    narrowed = narrowed.where(column as never, "=", input[column] as never) as Conditional<unknown>;
  }
  return narrowed as Query;
}

/** A number that is too large for JavaScript was never stored. Nothing tells which of the rows has it. */
function readable<Name extends SealedTableName, Input extends object>(
  table: Name,
  build: Build<Name, Input>,
): (db: Database, input: Input) => Promise<Stored<Name>[]> {
  const select = manyRows(build);
  return async (db, input) => {
    try {
      return await select(db, input);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ERR_OUT_OF_RANGE") {
        throw refused(db, { table, row: "with a number that is out of range" });
      }
      throw error;
    }
  };
}
