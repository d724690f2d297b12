import type { FaultOutcome } from "../support/disk-rig/rig.ts";
import { type PlaceName, places } from "./places/places.ts";
import { plantedBugs } from "./planted/bugs.ts";
import { diskUnits } from "./recorded-disk/units.ts";
import { isPlain, type ScenarioName, scenarios } from "./scenarios.ts";
import type { Unit } from "./unit.ts";

/** How much is run: of each change, before a release, or once in a while. */
export type Extent = "quick" | "full" | "long";

/** One call of this many ends so. */
type Strides = Readonly<Partial<Record<FaultOutcome, number>>>;

interface Size {
  /** Each with another seed. */
  readonly rounds: number;
  readonly damages: number;
  readonly flips: number;
  readonly races: number;
  readonly strides: Strides;
  /** In the scenarios whose calls take longest. */
  readonly stridesOfSlow: Strides;
  /** One of this many, in scenarios in which whole programs are interrupted: most of their states and calls are the same each time. */
  readonly ofPrograms: { readonly states: number; readonly calls: Strides };
}

const eachCall: Strides = { ENOSPC: 1, EIO: 1, EDQUOT: 1, short: 1, "killed before": 1, "killed after": 1 };
/** A server whose call failed with EIO or EDQUOT has to be started again, which takes a second. */
const most: Strides = { ENOSPC: 1, EIO: 3, EDQUOT: 6, short: 1 };

const sizes: Readonly<Record<Extent, Size>> = {
  quick: {
    rounds: 1,
    damages: 5000,
    flips: 150,
    races: 2000,
    strides: most,
    stridesOfSlow: { ENOSPC: 8, EIO: 16, short: 2 },
    ofPrograms: { states: 10, calls: { ENOSPC: 80, EIO: 160 } },
  },
  full: {
    rounds: 1,
    damages: 5000,
    flips: 1500,
    races: 2000,
    strides: eachCall,
    stridesOfSlow: most,
    ofPrograms: { states: 4, calls: { ENOSPC: 8, EIO: 16 } },
  },
  long: {
    rounds: 10,
    damages: 5000,
    flips: 1500,
    races: 2000,
    strides: eachCall,
    stridesOfSlow: eachCall,
    ofPrograms: { states: 1, calls: eachCall },
  },
};
const placeNames = Object.keys(places) as PlaceName[];
const damagesOfUnit = 500;
const flipsOfUnit = 150;
const racesOfUnit = 1000;
const crashStatesOfUnit = 250_000;
const names = Object.keys(scenarios) as ScenarioName[];
const slowScenarios: readonly string[] = ["retrieval", "inventory", "several archives", "many parts"];
/** Some 200 calls come before the ones of interest, for one log that is moved. */
const namesOfFaults = names.filter((name) => name !== "checkpoint");
const isOfPrograms = (name: ScenarioName): boolean => !isPlain(scenarios[name]("v"));
/** Each damage, and each order of crash states, has a seed of its own. */
const farApart = 1_000_003;

/** All units of a run. The longest are first, so that the processors end together. */
export function unitsOf(seed: number, extent: Extent): Unit[] {
  const size = sizes[extent];
  const seeds = Array.from({ length: size.rounds }, (_, round) => seed + round);
  return [
    ...diskUnits(seed, extent),
    ...seeds.flatMap((each) => ofSeed(each, size)),
    ...ioCalls(size),
    ...seeds.flatMap((each) => placeNames.map((place) => ({ rig: "places", place, seed: each }) as const)),
    ...plantedBugs.map(({ name }) => ({ rig: "planted", name }) as const),
  ];
}

function ofSeed(seed: number, { damages, flips, races, ofPrograms }: Size): Unit[] {
  return [
    ...parts(races / racesOfUnit).map(
      (part) => ({ rig: "races", seed: seed * farApart + part, count: racesOfUnit }) as const,
    ),
    ...names.map((scenario) => ({
      ...({ rig: "disk-states", scenario, seed, stride: isOfPrograms(scenario) ? ofPrograms.states : 1 } as const),
    })),
    ...parts(damages / damagesOfUnit).map((part) => ({
      ...({ rig: "damages", seed: farApart * seed + part * damagesOfUnit, count: damagesOfUnit } as const),
    })),
    ...parts(flips / flipsOfUnit).map((part) => ({
      ...({ rig: "flips", seed: farApart * seed + part * flipsOfUnit, count: flipsOfUnit } as const),
    })),
    ...parts(2).map((part) => ({
      ...({ rig: "crash-states", seed: farApart * (2 * seed + part), count: crashStatesOfUnit } as const),
    })),
  ];
}

const parts = (count: number): number[] => Array.from({ length: Math.ceil(count) }, (_, part) => part);

function ioCalls({ strides, stridesOfSlow, ofPrograms }: Size): Unit[] {
  return namesOfFaults.flatMap((scenario) => {
    const ofLong = scenario === "restart" || isOfPrograms(scenario) ? ofPrograms.calls : null;
    const own = ofLong ?? (slowScenarios.includes(scenario) ? stridesOfSlow : strides);
    return Object.entries(own).map(([outcome, stride]) => ({
      ...({ rig: "io-calls", scenario, outcome: outcome as FaultOutcome, files: "*", stride } as const),
    }));
  });
}
