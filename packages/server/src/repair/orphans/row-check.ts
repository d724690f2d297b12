import { join } from "node:path";
import { openedRowKey } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import { secretFile } from "../../secrets/secret-file.ts";
import type { RowReader } from "../../storage/metadata/row-reader.ts";
import { RowHasher, type SealedValues } from "../../storage/metadata/tables/row-macs/row-hasher.ts";
import { isSound } from "../../storage/metadata/tables/row-macs/row-seal.ts";
import type { SealedTableName } from "../../storage/metadata/tables/row-macs/sealed-columns.ts";
import { dataKeysOf, sealingKeyName } from "../../verify/sealing-key.ts";
import type { Arguments } from "./arguments.ts";

/** Tells whether a row is as the service has stored it. */
export type RowCheck = (table: SealedTableName, row: Readonly<Record<string, unknown>>) => boolean;

/**
 * Opens the key of the rows' MACs. Null for a list of orphans of a cluster without its sealing key: nothing is removed then. Throws when the
 * sealing key is missing or not the database's.
 */
export async function openRowCheck(
  { metadata, sealingKeyFile }: Pick<Arguments, "metadata" | "sealingKeyFile">,
  rows: RowReader,
): Promise<RowCheck | null> {
  const file = sealingKeyFile ?? ("folder" in metadata ? join(metadata.folder, sealingKeyName) : null);
  if (file === null) {
    return null;
  }
  const sealingKey = await secretFile(file, keyLengthBytes, null);
  return rowCheckOf(openedRowKey(await dataKeysOf(rows), sealingKey));
}

export function rowCheckOf(key: Uint8Array): RowCheck {
  const hasher = new RowHasher(key);
  return (table, row) => isSound(hasher, table, row as SealedValues);
}
