import { runUnit } from "./run-unit.ts";
import type { Unit, UnitResult } from "./unit.ts";

// Runs the units that its parent sends, one at a time.

export type WorkerResult = UnitResult & { readonly unit: Unit };

process.on("message", async (unit: Unit) => {
  const result = await runUnit(unit).catch((error: Error) => ({
    rig: unit.rig,
    findings: [`could not be run: ${error.stack}`],
  }));
  process.send?.({ ...result, unit } satisfies WorkerResult);
  // The memory of services that have ended counts until it is collected, and a process with too much of it cannot start others.
  globalThis.gc?.();
});
// Threads of a service that did not end in order would keep the process.
process.on("disconnect", () => process.exit());
