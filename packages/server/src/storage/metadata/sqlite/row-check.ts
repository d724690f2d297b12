import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { nextPlace } from "../../../domain/stores/next-place.ts";
import type { SealedValues } from "../tables/row-macs/row-hasher.ts";
import { isSound, nameOf, type RowSeal } from "../tables/row-macs/row-seal.ts";
import { type SealedTableName, sealedTables } from "../tables/row-macs/sealed-columns.ts";
import { VaultSums, vaultsAtOnce } from "../tables/row-macs/vault-sums.ts";

/** Rows of a step: a transaction of some milliseconds. */
const stepRows = 100;

/** The database of a check, which needs no query builder: that would take much memory of its thread. */
export interface CheckedRows extends RowSeal {
  readonly database: DatabaseSync;
}

/** Checks the MACs of the rows that a statement selects, and reports those that are damaged. */
export function checkRows(
  checked: CheckedRows,
  table: string,
  { statement, values }: { readonly statement: string; readonly values: readonly SQLInputValue[] },
): void {
  if (!isSealed(table)) {
    return;
  }
  const { hasher, onDamagedRow } = checked;
  for (const row of bigRows(checked, statement).iterate(...values)) {
    if (!isSound(hasher, table, row as SealedValues)) {
      onDamagedRow({ table, row: nameOf(table, row as SealedValues) });
    }
  }
}

const isSealed = (table: string): table is SealedTableName => table in sealedTables;

/** Compares the archives of each vault with its counts and its sum, all as of one revision: rows outlive their archives. */
export function* checkSums(checked: CheckedRows): Generator<void, void> {
  const select = bigRows(checked, "SELECT * FROM vaults WHERE typeof(id) = 'text' AND id > ? ORDER BY id LIMIT ?");
  for (let after = ""; ; ) {
    const rows = select.all(after, vaultsAtOnce) as Row[];
    yield* checkContents(checked, rows);
    if (rows.length < vaultsAtOnce) {
      return;
    }
    after = nextPlace(after, String(rows.at(-1)?.["id"]));
  }
}

type Row = Readonly<Record<string, string | bigint | Uint8Array | null>>;

function* checkContents(checked: CheckedRows, vaults: readonly Row[]): Generator<void, void> {
  const { hasher, onDamagedRow } = checked;
  const sums = new VaultSums(hasher, vaults);
  const select = bigRows(checked, "SELECT rowid AS place, * FROM archives WHERE rowid > ? ORDER BY rowid LIMIT ?");
  for (let after: bigint | null = lowestPlace; after !== null; ) {
    const rows = select.all(after, stepRows) as Row[];
    for (const row of rows) {
      sums.add(row);
    }
    const last: Row | undefined = rows.at(-1);
    checkVaultsOf(checked, after, last);
    after = rows.length < stepRows ? null : nextPlace(after, last?.["place"] as bigint);
    yield;
  }
  for (const { damaged } of sums.differences()) {
    onDamagedRow(damaged);
  }
}

const lowestPlace = -(2n ** 63n);

/** A vault is removed when it is empty: that of an archive that lives is there. */
function checkVaultsOf(checked: CheckedRows, after: bigint, last: Row | undefined): void {
  if (last === undefined) {
    return;
  }
  const select = bigRows(
    checked,
    `SELECT * FROM archives WHERE rowid > ? AND rowid <= ? AND deleted_revision IS NULL
       AND NOT EXISTS (SELECT 1 FROM vaults WHERE vaults.id = archives.vault_id)`,
  );
  for (const row of select.all(after, last["place"] as bigint) as Row[]) {
    const finding = `the vault of the archive with ${nameOf("archives", row)} is missing`;
    checked.onDamagedRow({ table: "vaults", row: finding });
  }
}

/** Numbers as BigInt: a damaged one may be larger than JavaScript's are. */
function bigRows({ database }: CheckedRows, statement: string): StatementSync {
  const select = database.prepare(statement);
  select.setReadBigInts(true);
  return select;
}
