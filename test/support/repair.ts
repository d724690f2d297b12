import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
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
