import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { runCrashStates } from "./rigs/crash-states/run.ts";
import { crashStatesBugs } from "./rigs/planted/bugs.ts";
import { plantedCopy } from "./rigs/planted/planted-server.ts";

// A sample of what `npm run rigs` does with more orders.

const seed = 1;
const count = 50_000;

test("power cuts of a simulated disk and database lose nothing that was acknowledged", async (t) => {
  const { findings, ...counts } = await runCrashStates({ seed, count });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(findings, []);
});

describe("crash states show a planted bug:", () => {
  for (const bug of crashStatesBugs) {
    test(bug.name, async (t) => {
      await using copy = await plantedCopy(bug);
      const unit = { rig: "crash-states", seed, count, stopsAtViolation: true };
      const program = join(copy.path, "test/rigs/main.ts");
      const run = promisify(execFile)(process.execPath, [
        "--conditions=@moraine/source",
        program,
        ...["--unit", JSON.stringify(unit)],
      ]);
      const { stdout } = await run.catch((error) => error);
      const { states, findings } = JSON.parse(stdout);
      t.diagnostic(`after ${states} states: ${findings[0]}`);
      assert.notEqual(findings.length, 0);
    });
  }
});
