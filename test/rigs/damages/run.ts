import assert from "node:assert/strict";
import { join } from "node:path";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import { Random } from "../../support/random.ts";
import { memoryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { copyOf, filledFolders } from "../../support/verify/folders.ts";
import { findingsIn, stateOf } from "../../support/verify/look.ts";
import { kindsOf } from "../../support/verify/seeded-damages.ts";
import { misread } from "./misread.ts";

export interface DamagesOptions {
  readonly seed: number;
  /** How many damages, each in a folder of its own. */
  readonly count: number;
}

export interface DamagesResult {
  readonly rig: "damages";
  readonly seed: number;
  readonly damages: number;
  /** How many kinds of damages there are. */
  readonly kinds: number;
  /** Starts of the service on a damaged folder. */
  readonly starts: number;
  /** Damages that were not named, or changed by the check, or served. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** Folders that are hashed before and after the check: that takes longer than the check. */
const hashedShare = 0.1;
/** Folders on which the service is started. */
const servedShare = 0.05;

/** Damages a copy of a folder at places that follow from the seed: `moraine verify` must name each, and no read may return other bytes. */
export async function runDamages({ seed, count }: DamagesOptions): Promise<DamagesResult> {
  const began = performance.now();
  await using folders = await filledFolders(memoryFolder);
  const kinds = kindsOf(folders.yesterday);
  const findings: string[] = [];
  const chosen = new Random(seed);
  let starts = 0;
  for (let index = 0; index < count; index += 1) {
    const kind = kinds[index % kinds.length];
    assert.ok(kind);
    await using place = await temporaryFolder(memoryFolder);
    const path = join(place.path, "data");
    await copyOf(folders[kind.folder], path);
    const { what, named } = await kind.damage(path, new Random(seed + index));
    const about = `${kind.name}: ${what}`;
    const damaged = chosen.fraction() < hashedShare ? await stateOf(path) : null;
    const found = await findingsIn(path, "deep");
    if (!found.some((finding) => names(finding, named))) {
      findings.push(`${about}: expected ${JSON.stringify(named)}, found ${JSON.stringify(found)}`);
    }
    if (damaged !== null && JSON.stringify(await stateOf(path)) !== JSON.stringify(damaged)) {
      findings.push(`${about}: the check has changed the folder`);
    }
    if (chosen.fraction() < servedShare) {
      starts += 1;
      findings.push(...(await misread(path, named)).map((text) => `${about}: ${text}`));
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return { rig: "damages", seed, damages: count, kinds: kinds.length, starts, findings, seconds };
}

const names = (finding: Finding, named: Partial<Finding>): boolean =>
  Object.entries(named).every(([name, value]) => finding[name as keyof Finding] === value);
