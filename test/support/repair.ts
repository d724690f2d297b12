import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Action } from "../../packages/server/src/repair/action.ts";
import { repairFolder } from "../../packages/server/src/repair/repair-folder.ts";
import type { Totals } from "../../packages/server/src/repair/report.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface Repaired {
  readonly actions: readonly Action[];
  readonly left: number;
  readonly totals: Totals;
}

/** Repairs a folder in this process, by default with changes. */
export async function repair(path: string, more: { isApplied?: boolean; isRebuilt?: boolean } = {}): Promise<Repaired> {
  const actions: Action[] = [];
  await using copies = await temporaryFolder();
  let totals: Totals | null = null;
  const options = {
    ...{ isApplied: true, isRebuilt: false, sealingKeyFile: null, ...more },
    makeTemporaryFolder: () => mkdtempSync(join(copies.path, "copy-")),
  };
  const left = await repairFolder(path, options, {
    action: (action) => void actions.push(action),
    summary: (counted) => {
      totals = counted;
    },
  });
  assert.ok(totals !== null);
  return { actions, left, totals };
}

/** Everything that is kept of archives, to the millisecond. */
export function archivesIn(path: string): Array<Record<string, unknown>> {
  const database = new DatabaseSync(join(path, "moraine.db"), { readOnly: true });
  const rows = database
    .prepare(
      `SELECT hex(id_head || id_tail) AS id, name, description, size_bytes, hex(tree_hash) AS tree_hash, archives.created_at
       FROM archives JOIN vaults ON vaults.id = vault_id ORDER BY 1`,
    )
    .all();
  database.close();
  return rows.map((row) => ({ ...row }));
}
