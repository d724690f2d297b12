import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runDiskStates } from "./rigs/disk-states/run.ts";

// A sample of what `npm run rigs` does at every moment.

const seed = 1;

describe("after a kill or a power cut the service starts, and nothing acknowledged is lost:", () => {
  for (const scenario of ["complete", "restart"] as const) {
    test(scenario, async (t) => {
      const { violations, findings, ...counts } = await runDiskStates({ scenario, seed, stride: 9 });
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
    });
  }
});
