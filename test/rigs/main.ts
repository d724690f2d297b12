import { parseArgs } from "node:util";
import type { FaultOutcome } from "../support/disk-rig/rig.ts";
import { runIoCalls } from "./io-calls/run.ts";
import { runRaces } from "./races/run.ts";
import { type ScenarioName, scenarios } from "./scenarios.ts";
import type { FoundViolation } from "./violations.ts";

// Runs the rigs as long as is wanted. Prints a line of JSON for each run; exits with 1 when the model forbids what a client saw.

const outcomes: readonly FaultOutcome[] = ["killed before", "killed after", "EIO", "ENOSPC", "EDQUOT", "short"];

const usage = `npm run rigs -- [FLAGS]
  --rig NAME         races or io-calls, once for each (default: both)
  --seed NUMBER      of the races (default: 1)
  --races NUMBER     how many (default: 2000)
  --scenario NAME    of io-calls, once for each (default: all): ${Object.keys(scenarios).join(", ")}
  --outcome NAME     of the interrupted call, once for each (default: all): ${outcomes.join(", ")}
  --files GLOB       whose calls are interrupted, in the data folder; "*" matches slashes too (default: "*")
  --stride NUMBER    interrupts one call of this many (default: 1)`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    rig: { type: "string", multiple: true, default: ["races", "io-calls"] },
    seed: { type: "string", default: "1" },
    races: { type: "string", default: "2000" },
    scenario: { type: "string", multiple: true, default: Object.keys(scenarios) },
    outcome: { type: "string", multiple: true, default: [...outcomes] },
    files: { type: "string", default: "*" },
    stride: { type: "string", default: "1" },
  },
});

if (values.help) {
  console.log(usage);
  process.exit();
}
if (values.rig.includes("races")) {
  report(await runRaces({ seed: Number(values.seed), count: Number(values.races) }));
}
if (values.rig.includes("io-calls")) {
  for (const scenario of values.scenario as ScenarioName[]) {
    for (const outcome of values.outcome as FaultOutcome[]) {
      report(await runIoCalls({ scenario, outcome, files: values.files, stride: Number(values.stride) }));
    }
  }
}

function report(result: { readonly violations: readonly FoundViolation[] }): void {
  console.log(JSON.stringify(result));
  if (result.violations.length > 0) {
    process.exitCode = 1;
  }
}
