import { plainScenarios, type ScenarioName } from "../scenarios.ts";
import { type FileSystemName, fileSystems, type Layout } from "./file-systems.ts";

interface Part {
  readonly scenario: ScenarioName;
  readonly layout: Layout;
  readonly count: number;
}

const short: readonly ScenarioName[] = ["complete", "part again", "delete archive", "lock", "restart"];

/** For each file system. A start takes as long as ten states, so few scenarios give many states. */
const parts: Readonly<Record<"quick" | "full" | "long", readonly Part[]>> = {
  quick: [
    { scenario: "several archives", layout: "database apart", count: 20 },
    { scenario: "complete", layout: "one disk", count: 12 },
  ],
  full: [
    { scenario: "several archives", layout: "one disk", count: 100 },
    { scenario: "several archives", layout: "database apart", count: 100 },
    ...short.flatMap((scenario) => bothLayouts(scenario, 20)),
  ],
  long: plainScenarios().flatMap((scenario) => bothLayouts(scenario, 100)),
};

function bothLayouts(scenario: ScenarioName, count: number): Part[] {
  return [
    { scenario, layout: "one disk", count },
    { scenario, layout: "database apart", count },
  ];
}

/** The units of this rig in a run. */
export const diskUnits = (seed: number, extent: keyof typeof parts) =>
  (Object.keys(fileSystems) as FileSystemName[]).flatMap((fileSystem) =>
    parts[extent].map((part) => ({ rig: "recorded-disk", fileSystem, ...part, seed }) as const),
  );
