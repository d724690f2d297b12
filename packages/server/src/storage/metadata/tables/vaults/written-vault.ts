import { rowsChanged } from "../../prepared.ts";
import { changing, removal } from "../row-macs/sealed-rows.ts";
import type { Database, VaultRow } from "../schema.ts";

// Vaults' rows are changed and deleted here alone.

/**
 * The vault's row that the present transaction wrote last: it is what a read would find, and its MAC is computed from it, so that the
 * archives of a batch read and check the row of their vault once.
 */
const written = new WeakMap<object, VaultRow>();

export function writtenVault(db: Database, vaultId: string): VaultRow | undefined {
  const row = written.get(db.getExecutor().adapter);
  return row?.id === vaultId ? row : undefined;
}

/** For the beginning of a transaction, and after anything of it was rolled back. */
export function forgetWrittenVault(db: Database): void {
  written.delete(db.getExecutor().adapter);
}

/** Changes the named columns of a vault's row that was read or written in the same transaction, and resolves to the row as it is now. */
export function changingVault<Column extends keyof VaultRow & string>(
  ...columns: Column[]
): (db: Database, row: VaultRow, change: Pick<VaultRow, Column>) => Promise<VaultRow> {
  const update = changing("vaults", ...columns);
  return async (db, row, change) => {
    const next = await update(db, row, change);
    written.set(db.getExecutor().adapter, next);
    return next;
  };
}

export async function deleteVault(db: Database, row: VaultRow): Promise<void> {
  forgetWrittenVault(db);
  await deleteRow(db, row);
}

export async function deleteAllVaults(db: Database): Promise<void> {
  forgetWrittenVault(db);
  await deleteRows(db, {});
}

const deleteRow = removal("vaults");
const deleteRows = rowsChanged((db, _: object) => db.deleteFrom("vaults"));
