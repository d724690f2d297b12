import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runIoCalls } from "./rigs/io-calls/run.ts";
import type { ScenarioName } from "./rigs/scenarios.ts";
import type { FaultOutcome } from "./support/disk-rig/rig.ts";

// A sample of what `npm run rigs` does at every call.

const sample = {
  complete: "EIO",
  "delete archive": "killed after",
  backup: "ENOSPC",
} as const satisfies Partial<Record<ScenarioName, FaultOutcome>>;

describe("calls that change files are interrupted, and nothing acknowledged is lost:", () => {
  for (const [index, [scenario, outcome]] of Object.entries(sample).entries()) {
    test(`${scenario}, ${outcome}`, async (t) => {
      const { violations, findings, ...counts } = await runIoCalls({
        scenario: scenario as ScenarioName,
        outcome,
        first: 1 + index,
        ...(scenario === "backup" ? { stride: 60, pointsMax: 2 } : { stride: 5, pointsMax: 4 }),
      });
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
    });
  }
});
