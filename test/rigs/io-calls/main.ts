import { parseArgs } from "node:util";
import type { FaultOutcome } from "../../support/disk-rig/rig.ts";
import { runIoCalls } from "./run.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string", multiple: true, default: Object.keys(scenarios) },
    outcome: { type: "string", multiple: true, default: ["killed before", "killed after"] },
    first: { type: "string", default: "1" },
    stride: { type: "string", default: "1" },
  },
});

for (const scenario of values.scenario as ScenarioName[]) {
  for (const outcome of values.outcome as FaultOutcome[]) {
    const result = await runIoCalls({ scenario, outcome, first: Number(values.first), stride: Number(values.stride) });
    console.log(JSON.stringify(result));
    if (result.violations.length > 0) {
      process.exitCode = 1;
    }
  }
}
