import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runIoCalls } from "./rigs/io-calls/run.ts";
import { ioCallsBugs } from "./rigs/planted/bugs.ts";
import { plantedServer } from "./rigs/planted/planted-server.ts";
import { type ScenarioName, scenarios } from "./rigs/scenarios.ts";
import type { FaultOutcome } from "./support/disk-rig/rig.ts";

// A sample of what `npm run rigs` does at every call.

const outcomes: readonly FaultOutcome[] = ["killed before", "EIO", "killed after", "ENOSPC", "short"];

describe("calls that change files are interrupted, and nothing acknowledged is lost:", () => {
  for (const [index, scenario] of (Object.keys(scenarios) as ScenarioName[]).entries()) {
    const outcome = outcomes[index % outcomes.length] ?? "EIO";
    test(`${scenario}, ${outcome}`, async (t) => {
      const { violations, ...counts } = await runIoCalls({
        scenario,
        outcome,
        first: 1 + index,
        stride: 5,
        pointsMax: 3,
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
