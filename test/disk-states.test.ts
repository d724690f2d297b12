import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runDiskStates } from "./rigs/disk-states/run.ts";
import type { ScenarioName } from "./rigs/scenarios.ts";

// A sample of what `npm run rigs` does at every moment.

const seed = 1;

describe("after a kill or a power cut the service starts, and nothing acknowledged is lost:", () => {
  const strides = { complete: 9, restart: 9, notification: 50, migration: 100 };
  for (const [scenario, stride] of Object.entries(strides) as [ScenarioName, number][]) {
    test(scenario, async (t) => {
      const { violations, findings, ...counts } = await runDiskStates({ scenario, seed, stride });
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
    });
  }
});
