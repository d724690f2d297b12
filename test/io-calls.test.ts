import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runIoCalls } from "./rigs/io-calls/run.ts";
import { ioCallsBugs } from "./rigs/planted/bugs.ts";
import { plantedServer } from "./rigs/planted/planted-server.ts";
import type { ScenarioName } from "./rigs/scenarios.ts";
import type { FaultOutcome } from "./support/disk-rig/rig.ts";

// A sample of what `npm run rigs` does at every call.

const sample = {
  upload: "killed before",
  complete: "EIO",
  "delete archive": "killed after",
  retrieval: "ENOSPC",
  lock: "short",
} as const satisfies Partial<Record<ScenarioName, FaultOutcome>>;

describe("calls that change files are interrupted, and nothing acknowledged is lost:", () => {
  for (const [index, [scenario, outcome]] of Object.entries(sample).entries()) {
    test(`${scenario}, ${outcome}`, async (t) => {
      const { violations, ...counts } = await runIoCalls({
        scenario: scenario as ScenarioName,
        outcome,
        first: 1 + index,
        stride: 5,
        pointsMax: 4,
      });
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual(violations, []);
    });
  }
});

describe("interrupted calls show a planted bug:", () => {
  for (const bug of ioCallsBugs) {
    test(bug.name, async (t) => {
      await using planted = await plantedServer(bug);
      const { violations, points } = await runIoCalls({
        scenario: "upload",
        outcome: bug.outcome,
        files: bug.files,
        command: planted.command,
        stopsAtViolation: true,
      });
      t.diagnostic(`after ${points} calls: ${violations[0]?.sentence}`);
      assert.notEqual(violations.length, 0);
    });
  }
});
