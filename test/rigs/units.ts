import type { FaultOutcome } from "../support/disk-rig/rig.ts";
import type { NodeCommand } from "../support/server-process.ts";
import { runCrashStates } from "./crash-states/run.ts";
import { runDamages } from "./damages/run.ts";
import { runDiskStates } from "./disk-states/run.ts";
import { runIoCalls } from "./io-calls/run.ts";
import { runRaces } from "./races/run.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import type { FoundViolation } from "./violations.ts";

/** A run of a rig, small enough to share the processors with others. */
export type Unit =
  | { readonly rig: "races"; readonly seed: number; readonly count: number }
  | { readonly rig: "disk-states"; readonly scenario: ScenarioName; readonly seed: number; readonly stride: number }
  | {
      readonly rig: "crash-states";
      readonly seed: number;
      readonly count: number;
      readonly stopsAtViolation?: boolean;
    }
  | { readonly rig: "damages"; readonly seed: number; readonly count: number }
  | {
      readonly rig: "io-calls";
      readonly scenario: ScenarioName;
      readonly outcome: FaultOutcome;
      readonly files: string;
      readonly stride: number;
    };

export type RigName = Unit["rig"];

export interface UnitResult {
  readonly rig: RigName;
  readonly violations?: readonly FoundViolation[];
  readonly findings?: readonly string[];
}

const runs: {
  readonly [Name in RigName]: (unit: Extract<Unit, { rig: Name }> & { command: NodeCommand }) => Promise<UnitResult>;
} = {
  races: runRaces,
  "disk-states": runDiskStates,
  "crash-states": runCrashStates,
  damages: runDamages,
  "io-calls": runIoCalls,
};

/** @param command how to start the server */
export const run = (unit: Unit, command: NodeCommand): Promise<UnitResult> =>
  (runs[unit.rig] as (unit: Unit & { command: NodeCommand }) => Promise<UnitResult>)({ ...unit, command });

/** Every outcome of a call that the system can report, and how many of the calls get it. */
const strides: Readonly<Partial<Record<FaultOutcome, number>>> = { ENOSPC: 1, EIO: 3, EDQUOT: 5, short: 5 };
const names = Object.keys(scenarios) as ScenarioName[];
/** Some 200 calls before the ones of interest, for one log that is moved. */
const namesOfFaults = names.filter((name) => name !== "checkpoint" && name !== "restart");

/**
 * All units of a run.
 * @param times 1 for the run of each change, 10 for a long one.
 */
export function unitsOf(rigs: ReadonlySet<RigName>, seed: number, times: number): Unit[] {
  const rounds = Array.from({ length: times }, (_, round) => seed + round);
  const all: Unit[] = [
    ...rounds.flatMap((each) =>
      names.map((scenario) => ({ rig: "disk-states", scenario, seed: each, stride: 1 }) as const),
    ),
    ...Object.entries(strides).flatMap(([outcome, stride]) =>
      namesOfFaults.map((scenario) => ({
        ...({ rig: "io-calls", scenario, outcome: outcome as FaultOutcome, files: "*" } as const),
        stride: times === 1 ? stride : 1,
      })),
    ),
    ...rounds.flatMap((each) =>
      [1, 2].map((part) => ({ rig: "crash-states", seed: each * part * 1_000_003, count: 250_000 }) as const),
    ),
    ...rounds.flatMap((each) =>
      [1, 2, 3, 4].map((part) => ({ rig: "damages", seed: each * part * 1_000_003, count: 1250 }) as const),
    ),
    ...rounds.map((each) => ({ rig: "races", seed: each, count: 2000 }) as const),
  ];
  return all.filter(({ rig }) => rigs.has(rig));
}
