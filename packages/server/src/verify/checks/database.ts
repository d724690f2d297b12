import { openedRowKey } from "../../auth/keyring.ts";
import type { DamagedRow } from "../../domain/stores/metadata-store.ts";
import { findAllDamage } from "../../storage/metadata/sqlite/database-check.ts";
import type { CheckedRows } from "../../storage/metadata/sqlite/row-check.ts";
import { RowHasher } from "../../storage/metadata/tables/row-macs/row-hasher.ts";
import { dataKeysOf, sealingKeyOf } from "../sealing-key.ts";
import type { Verification } from "../verification.ts";

const findingsMax = 100;

/** Reads every row, and compares rows with indices and with the rows that they refer to. */
export async function checkDatabase(verification: Verification): Promise<void> {
  checkPages(verification);
  checkReferences(verification);
  for (const messages of findAllDamage(verification.database, checkedRows(verification))) {
    for (const message of messages) {
      verification.found({ code: "database-damaged", message });
    }
    await verification.step();
  }
  checkInstallation(verification);
}

/** Null when the key of the rows' MACs cannot be had: the check of secrets says why, or the sealing key is elsewhere. */
function checkedRows(verification: Verification): CheckedRows | null {
  const sealingKey = sealingKeyOf(verification);
  if (sealingKey === null) {
    return null;
  }
  try {
    const hasher = new RowHasher(openedRowKey(dataKeysOf(verification), sealingKey));
    const onDamagedRow = ({ table, row }: DamagedRow) =>
      verification.found({
        code: "row-changed",
        message: `a row of the table ${table} is not as it was stored: ${row}`,
      });
    return { database: verification.database, hasher, onDamagedRow };
  } catch {
    return null;
  }
}

/**
 * Only for a stopped server: SQLite's own check takes one transaction, during which a server's log could only grow. It knows the entries
 * of an index to their last byte, and the check of rows sees those alone that have no row; that one knows partial indices instead.
 */
function checkPages({ isRunning, database, found }: Verification): void {
  const rows = isRunning ? [] : database.prepare(`PRAGMA integrity_check(${findingsMax})`).all();
  for (const { integrity_check: message } of rows) {
    if (message !== "ok") {
      found({ code: "database-damaged", message: String(message) });
    }
  }
}

/** A server writes its row when it first starts. */
function checkInstallation({ database, found }: Verification): void {
  const count = Number(database.prepare("SELECT count(*) AS count FROM installation").get()?.["count"]);
  if (count !== 1) {
    found({ code: "database-damaged", message: `the table installation has ${count} rows instead of 1` });
  }
}

function checkReferences({ database, found }: Verification): void {
  for (const { table, parent } of database.prepare("PRAGMA foreign_key_check").iterate()) {
    const message = `a row of the table ${table} refers to one of ${parent} that does not exist`;
    found({ code: "database-damaged", message });
  }
}
