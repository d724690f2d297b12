import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runDiskStates } from "./rigs/disk-states/run.ts";
import { diskStatesBugs } from "./rigs/planted/bugs.ts";
import { plantedServer } from "./rigs/planted/planted-server.ts";

// A sample of what `npm run rigs` does at every moment.

const seed = 1;

describe("after a kill or a power cut the service starts, and nothing acknowledged is lost:", () => {
  for (const scenario of ["complete", "delete archive", "inventory", "lock", "restart"] as const) {
    test(scenario, async (t) => {
      const { violations, findings, ...counts } = await runDiskStates({ scenario, seed, stride: 9 });
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
    });
  }
});

describe("the folders that kills and power cuts leave show a planted bug:", () => {
  for (const bug of diskStatesBugs) {
    test(bug.name, async (t) => {
      await using planted = await plantedServer(bug);
      const { command } = planted;
      const { kind, scenario } = bug;
      const found = await runDiskStates({ kinds: [kind], scenario, seed, command, stopsAtViolation: true });
      t.diagnostic(`after ${found.states[kind]} states: ${found.violations[0]?.sentence ?? found.findings[0]}`);
      assert.notEqual(found.violations.length + found.findings.length, 0);
    });
  }
});
