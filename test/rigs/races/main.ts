import { parseArgs } from "node:util";
import { runRaces } from "./run.ts";

// Races of callers that contradict each other, from a seed. Prints a line of JSON; exits with 1 when the model forbids an outcome.

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "2000" },
  },
});

const result = await runRaces({ seed: Number(values.seed), count: Number(values.count) });
console.log(JSON.stringify(result));
process.exitCode = result.violations.length === 0 && result.unknown === 0 ? 0 : 1;
