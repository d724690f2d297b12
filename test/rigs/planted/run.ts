import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Unit, UnitResult } from "../unit.ts";
import { type PlantedBug, plantedBugs } from "./bugs.ts";
import { plantedCopy } from "./copy.ts";

export interface PlantedResult {
  readonly rig: "planted";
  readonly name: string;
  readonly shownBy: Unit;
  /** The first violation or finding. */
  readonly seen: string | null;
  /** The reason why this machine cannot run the unit. */
  readonly leftOut?: string;
  /** Says that the bug was not noticed. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** Runs, in a copy of the sources with a bug in them, the unit of a rig that must notice it. */
export function runPlanted({ name }: { readonly name: string }): Promise<PlantedResult> {
  const bug = plantedBugs.find((each) => each.name === name);
  if (bug === undefined) {
    throw new Error(`There is no planted bug "${name}"`);
  }
  return notice(bug);
}

export async function notice({ shownBy, ...bug }: PlantedBug): Promise<PlantedResult> {
  const began = performance.now();
  await using copy = await plantedCopy(bug);
  const program = join(copy.path, "test/rigs/main.ts");
  const args = ["--conditions=@moraine/source", program, "--unit", JSON.stringify(shownBy)];
  // Without the programs that were packed before, which lack the bug.
  const { PACKED_PROGRAMS: _, ...env } = process.env;
  // Exits with 1 when it has noticed something.
  const ended = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28, env }).catch((error) => error);
  if (ended.stdout === "") {
    throw new Error(`${JSON.stringify(shownBy)} could not be run with "${bug.name}": ${ended.stderr}`);
  }
  const { violations = [], findings = [], leftOut } = JSON.parse(ended.stdout) as UnitResult;
  const seen = violations[0]?.sentence ?? findings[0] ?? null;
  const seconds = (performance.now() - began) / 1000;
  const missed = seen === null && leftOut === undefined ? [`"${bug.name}" was not noticed`] : [];
  return {
    rig: "planted",
    name: bug.name,
    shownBy,
    seen,
    findings: missed,
    seconds,
    ...(leftOut !== undefined && { leftOut }),
  };
}
