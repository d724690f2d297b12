import type { FaultOutcome } from "../support/disk-rig/rig.ts";
import type { PlaceName } from "./places/places.ts";
import type { Survival } from "./recorded-disk/cuts.ts";
import type { FileSystemName, Layout } from "./recorded-disk/file-systems.ts";
import type { ScenarioName } from "./scenarios.ts";
import type { FoundViolation } from "./violations.ts";

interface Stops {
  /** Ends with the first violation or finding. @default false */
  readonly stopsAtViolation?: boolean;
}

/** A run of a rig, small enough to share the processors with others. */
export type Unit =
  | (Stops & { readonly rig: "races"; readonly seed: number; readonly count: number })
  | (Stops & {
      readonly rig: "disk-states";
      /** @default both */
      readonly kinds?: readonly ("kill" | "power cut")[];
      readonly scenario: ScenarioName;
      readonly seed: number;
      readonly stride: number;
    })
  | (Stops & {
      readonly rig: "recorded-disk";
      readonly fileSystem: FileSystemName;
      readonly layout: Layout;
      readonly scenario: ScenarioName;
      readonly seed: number;
      readonly count: number;
      /** @default each */
      readonly survivals?: readonly Survival[];
    })
  | (Stops & { readonly rig: "crash-states"; readonly seed: number; readonly count: number })
  | { readonly rig: "damages"; readonly seed: number; readonly count: number }
  | (Stops & {
      readonly rig: "io-calls";
      readonly scenario: ScenarioName;
      readonly outcome: FaultOutcome;
      readonly files: string;
      readonly stride: number;
    })
  | { readonly rig: "places"; readonly place: PlaceName; readonly seed: number }
  | (Stops & { readonly rig: "flips"; readonly seed: number; readonly count: number })
  | { readonly rig: "planted"; readonly name: string };

export type RigName = Unit["rig"];

export interface UnitResult {
  readonly rig: RigName;
  readonly violations?: readonly FoundViolation[];
  readonly findings?: readonly string[];
  /** The reason why this machine cannot run it. */
  readonly leftOut?: string;
}

export type UnitOf<Name extends RigName> = Extract<Unit, { rig: Name }>;
