import { type DamagedRow, DamagedRowError } from "../../../../domain/stores/metadata-store.ts";
import type { Database } from "../schema.ts";
import { macSizeBytes, RowHasher, type SealedValues } from "./row-hasher.ts";
import { type SealedTableName, sealedTables } from "./sealed-columns.ts";

/** A database's row hasher, and the receiver of what it finds. */
export interface RowSeal {
  readonly hasher: RowHasher;
  /** Called with each row that is met and is not as it was stored. */
  onDamagedRow(row: DamagedRow): void;
}

/** Transactions share their database's adapter, so it stands for the database. */
const seals = new WeakMap<object, RowSeal>();

/** Seals and checks all rows of the database from now on. @param key see `RowSecret`. */
export function useRowKey(
  db: Database,
  key: Uint8Array,
  onDamagedRow: RowSeal["onDamagedRow"] = () => undefined,
): void {
  seals.set(db.getExecutor().adapter, { hasher: new RowHasher(key), onDamagedRow });
}

export function sealOf(db: Database): RowSeal {
  const seal = seals.get(db.getExecutor().adapter);
  if (seal === undefined) {
    throw new Error("The database has no row key: no row of it can be trusted");
  }
  return seal;
}

/** Whether the row has the MAC of its content. */
export function isSound(hasher: RowHasher, table: SealedTableName, row: SealedValues): boolean {
  return hasMac(row, hasher.digest(table, row));
}

function hasMac({ mac }: SealedValues, digest: string): boolean {
  if (!(mac instanceof Uint8Array) || mac.length !== macSizeBytes) {
    return false;
  }
  let difference = 0;
  for (let at = 0; at < macSizeBytes; at += 1) {
    difference |= (mac[at] ?? 0) ^ digest.charCodeAt(at);
  }
  return difference === 0;
}

/** Returns the row's digest. Throws DamagedRowError, which it also reports. */
export function assertSound(db: Database, table: SealedTableName, row: SealedValues): string {
  const digest = sealOf(db).hasher.digest(table, row);
  if (!hasMac(row, digest)) {
    throw refused(db, { table, row: nameOf(table, row) });
  }
  return digest;
}

export function refused(db: Database, row: DamagedRow): DamagedRowError {
  sealOf(db).onDamagedRow(row);
  return new DamagedRowError(row);
}

/** The key's columns, bytes in hexadecimal. */
export function nameOf(table: SealedTableName, row: SealedValues): string {
  return sealedTables[table].key
    .map((column) => {
      const value = row[column];
      return `${column} ${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value)}`;
    })
    .join(", ");
}
