import { findAllDamage } from "../../storage/metadata/sqlite/database-check.ts";
import type { Verification } from "../verification.ts";

const findingsMax = 100;

/** Reads every row, and compares rows with indices and with the rows that they refer to. */
export async function checkDatabase(verification: Verification): Promise<void> {
  checkPages(verification);
  checkReferences(verification);
  for (const messages of findAllDamage(verification.database)) {
    for (const message of messages) {
      verification.found({ code: "database-damaged", message });
    }
    await verification.step();
  }
}

/** Only for a stopped server: SQLite's own check takes one transaction, during which a server's log could only grow. */
function checkPages({ isRunning, database, found }: Verification): void {
  const rows = isRunning ? [] : database.prepare(`PRAGMA quick_check(${findingsMax})`).all();
  for (const { quick_check: message } of rows) {
    if (message !== "ok") {
      found({ code: "database-damaged", message: String(message) });
    }
  }
}

function checkReferences({ database, found }: Verification): void {
  for (const { table, parent } of database.prepare("PRAGMA foreign_key_check").iterate()) {
    const message = `a row of the table ${table} refers to one of ${parent} that does not exist`;
    found({ code: "database-damaged", message });
  }
}
