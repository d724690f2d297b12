import type { FaultOutcome } from "../support/disk-rig/rig.ts";
import type { NodeCommand } from "../support/server-process.ts";
import { runCrashStates } from "./crash-states/run.ts";
import { runDamages } from "./damages/run.ts";
import { runDiskStates } from "./disk-states/run.ts";
import { runIoCalls } from "./io-calls/run.ts";
import { runRaces } from "./races/run.ts";
import type { FileSystemName, Layout } from "./recorded-disk/file-systems.ts";
import { runRecordedDisk } from "./recorded-disk/run.ts";
import { diskUnits } from "./recorded-disk/units.ts";
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
  | {
      readonly rig: "recorded-disk";
      readonly fileSystem: FileSystemName;
      readonly layout: Layout;
      readonly scenario: ScenarioName;
      readonly seed: number;
      readonly count: number;
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
  /** The reason why this machine cannot run it. */
  readonly leftOut?: string;
}

const runs: {
  readonly [Name in RigName]: (unit: Extract<Unit, { rig: Name }> & { command: NodeCommand }) => Promise<UnitResult>;
} = {
  races: runRaces,
  "disk-states": runDiskStates,
  "crash-states": runCrashStates,
  "recorded-disk": runRecordedDisk,
  damages: runDamages,
  "io-calls": runIoCalls,
};

/** @param command how to start the server */
export const run = (unit: Unit, command: NodeCommand): Promise<UnitResult> =>
  (runs[unit.rig] as (unit: Unit & { command: NodeCommand }) => Promise<UnitResult>)({ ...unit, command });

/** How much is run: of each change, before a release, or once in a while. */
export type Extent = "quick" | "full" | "long";

/** Outcomes of calls to the system. One call of this many gets each. */
const strides: Readonly<Record<Extent, Readonly<Partial<Record<FaultOutcome, number>>>>> = {
  quick: { ENOSPC: 8, EIO: 15 },
  full: { ENOSPC: 1, EIO: 3, EDQUOT: 5, short: 5 },
  long: { ENOSPC: 1, EIO: 1, EDQUOT: 1, short: 1, "killed before": 1, "killed after": 1 },
};
interface Size {
  /** Each with another seed. */
  readonly rounds: number;
  /** One folder of this many is examined. */
  readonly stride: number;
  readonly damages: number;
  readonly races: number;
}

const sizes: Readonly<Record<Extent, Size>> = {
  quick: { rounds: 1, stride: 2, damages: 600, races: 1000 },
  full: { rounds: 1, stride: 1, damages: 5000, races: 2000 },
  long: { rounds: 10, stride: 1, damages: 5000, races: 2000 },
};
const damagesOfUnit = 300;
const names = Object.keys(scenarios) as ScenarioName[];
/** Each damage, and each order of crash states, has a seed of its own. */
const farApart = 1_000_003;
/** Some 200 calls before the ones of interest, for one log that is moved. */
const namesOfFaults = names.filter((name) => name !== "checkpoint" && name !== "restart");

/** All units of a run. */
export function unitsOf(rigs: ReadonlySet<RigName>, seed: number, extent: Extent): Unit[] {
  const { rounds, stride: strideOfStates, damages, races } = sizes[extent];
  const seeds = Array.from({ length: rounds }, (_, round) => seed + round);
  const all: Unit[] = [
    ...diskUnits(seed, extent),
    ...seeds.flatMap((each) =>
      names.map((scenario) => ({ rig: "disk-states", scenario, seed: each, stride: strideOfStates }) as const),
    ),
    ...Object.entries(strides[extent]).flatMap(([outcome, stride]) =>
      namesOfFaults.map((scenario) => ({
        ...({ rig: "io-calls", scenario, outcome: outcome as FaultOutcome, files: "*", stride } as const),
      })),
    ),
    ...seeds.flatMap((each) =>
      [0, 1].map((part) => ({ rig: "crash-states", seed: farApart * (2 * each + part), count: 250_000 }) as const),
    ),
    ...seeds.flatMap((each) =>
      Array.from({ length: Math.ceil(damages / damagesOfUnit) }, (_, part) => ({
        ...({ rig: "damages", seed: farApart * each + part * damagesOfUnit, count: damagesOfUnit } as const),
      })),
    ),
    ...seeds.map((each) => ({ rig: "races", seed: each, count: races }) as const),
  ];
  return all.filter(({ rig }) => rigs.has(rig));
}
