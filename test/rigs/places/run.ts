import { join } from "node:path";
import { Random } from "../../support/random.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { examine } from "../examine.ts";
import type { UnitOf } from "../unit.ts";
import type { FoundViolation } from "../violations.ts";
import { type PlaceName, places } from "./places.ts";
import { World } from "./world.ts";

export interface PlacesResult {
  readonly rig: "places";
  readonly place: PlaceName;
  readonly seed: number;
  readonly calls: number;
  readonly succeeded: number;
  /** The reason why this machine cannot run it. */
  readonly leftOut?: string;
  readonly violations: readonly FoundViolation[];
  /** Servers that started where they must not, and findings of `moraine verify`. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** Runs servers in a hostile place while calls are made. Then the service is started without the trouble, and all is judged. */
export async function runPlaces({ place, seed }: UnitOf<"places">): Promise<PlacesResult> {
  const began = performance.now();
  const { whyUnusable, trouble } = places[place];
  const leftOut = await whyUnusable();
  if (leftOut !== null) {
    return { rig: "places", place, seed, calls: 0, succeeded: 0, leftOut, violations: [], findings: [], seconds: 0 };
  }
  await using folder = await temporaryFolder();
  await using world = await World.open(folder.path, new Random(seed));
  await trouble(world);
  await world.end();
  const calls = world.recorder.entries.filter((entry) => "begin" in entry).length;
  const succeeded = world.recorder.entries.filter((entry) => "end" in entry && entry.outcome.kind === "ok").length;
  const found = await examine(world.caller, world.recorder.entries, join(folder.path, "data"));
  const seconds = (performance.now() - began) / 1000;
  return {
    ...({ rig: "places", place, seed, calls, succeeded, seconds } as const),
    violations: found.violations,
    findings: [...world.findings, ...found.findings],
  };
}
