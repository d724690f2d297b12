import { movedClocks } from "./clocks.ts";
import { missingFiles, readOnlyFolders } from "./folders.ts";
import { fewDescriptors, littleMemory } from "./limits.ts";
import { secondProcess } from "./second-process.ts";
import type { World } from "./world.ts";

export interface Place {
  /** Makes the trouble while calls are made. What it adds to the world's findings is wrong. */
  trouble(world: World): Promise<void>;
  /** The reason why this machine cannot have the place; null when it can. */
  whyUnusable(): Promise<string | null>;
}

export const places = {
  "second process": secondProcess,
  "few descriptors": fewDescriptors,
  "little memory": littleMemory,
  "missing files": missingFiles,
  "read-only folders": readOnlyFolders,
  "moved clocks": movedClocks,
} as const satisfies Readonly<Record<string, Place>>;

export type PlaceName = keyof typeof places;
