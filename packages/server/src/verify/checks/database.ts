import { openedRowKey } from "../../auth/keyring.ts";
import { findAllDamage } from "../../storage/metadata/sqlite/database-check.ts";
import type { CheckedRows } from "../../storage/metadata/sqlite/row-check.ts";
import { RowHasher } from "../../storage/metadata/tables/row-macs/row-hasher.ts";
import type { OpenedFolder } from "../open-folder.ts";
import { dataKeysOf, sealingKeyOf } from "../sealing-key.ts";
import type { Verification } from "../verification.ts";
import { changedRow } from "./changed-row.ts";
import { checkDefinitions } from "./definitions.ts";

const findingsMax = 100;

/** Reads every row, and compares rows with indices and with the rows that they refer to. */
export async function checkDatabase(verification: Verification, folder: OpenedFolder): Promise<void> {
  const { found } = verification;
  await checkDefinitions(verification, folder);
  checkPages(folder, found);
  checkReferences(folder, found);
  for (const messages of findAllDamage(folder.database, await checkedRows(verification, folder))) {
    for (const message of messages) {
      found({ code: "database-damaged", message });
    }
    await verification.step();
  }
}

type Report = Verification["found"];

/** Null when the key of the rows' MACs cannot be had: the check of secrets says why, or the sealing key is elsewhere. */
async function checkedRows(verification: Verification, { database }: OpenedFolder): Promise<CheckedRows | null> {
  const sealingKey = sealingKeyOf(verification);
  if (sealingKey === null) {
    return null;
  }
  try {
    const hasher = new RowHasher(openedRowKey(await dataKeysOf(verification.rows), sealingKey));
    return { database, hasher, onDamagedRow: (row) => verification.found(changedRow(row)) };
  } catch {
    return null;
  }
}

/**
 * Only for a stopped server: SQLite's own check takes one transaction, during which a server's log could only grow. It knows the entries
 * of an index to their last byte, and the check of rows sees those alone that have no row; that one knows partial indices instead.
 */
function checkPages({ isRunning, database }: OpenedFolder, found: Report): void {
  const rows = isRunning ? [] : database.prepare(`PRAGMA integrity_check(${findingsMax})`).all();
  for (const { integrity_check: message } of rows) {
    if (message !== "ok") {
      found({ code: "database-damaged", message: String(message) });
    }
  }
}

function checkReferences({ database }: OpenedFolder, found: Report): void {
  for (const { table, parent } of database.prepare("PRAGMA foreign_key_check").iterate()) {
    const message = `a row of the table ${table} refers to one of ${parent} that does not exist`;
    found({ code: "database-damaged", message });
  }
}
