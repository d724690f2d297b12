import { installing } from "./procedures/installing.ts";
import { moving } from "./procedures/moving.ts";
import type { Procedure } from "./procedures/procedure.ts";
import { repairing } from "./procedures/repairing.ts";
import { states } from "./procedures/states.ts";

/** The blocks in the order of the page. Each finds the machine as those before have left it. */
export const procedures: readonly Procedure[] = [...installing, ...moving, ...states, ...repairing];
