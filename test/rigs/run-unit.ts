import { runCrashStates } from "./crash-states/run.ts";
import { runDamages } from "./damages/run.ts";
import { runDiskStates } from "./disk-states/run.ts";
import { runFlips } from "./flips/run.ts";
import { runIoCalls } from "./io-calls/run.ts";
import { runPlaces } from "./places/run.ts";
import { runPlanted } from "./planted/run.ts";
import { runRaces } from "./races/run.ts";
import { runRecordedDisk } from "./recorded-disk/run.ts";
import type { RigName, Unit, UnitOf, UnitResult } from "./unit.ts";

const runs: { readonly [Name in RigName]: (unit: UnitOf<Name>) => Promise<UnitResult> } = {
  races: runRaces,
  "disk-states": runDiskStates,
  "recorded-disk": runRecordedDisk,
  "crash-states": runCrashStates,
  damages: runDamages,
  "io-calls": runIoCalls,
  places: runPlaces,
  flips: runFlips,
  planted: runPlanted,
};

export const rigNames = Object.keys(runs) as RigName[];

export const runUnit = (unit: Unit): Promise<UnitResult> =>
  (runs[unit.rig] as (unit: Unit) => Promise<UnitResult>)(unit);
