import assert from "node:assert/strict";
import { test } from "node:test";
import { runCrashStates } from "./rigs/crash-states/run.ts";

// A sample of what `npm run rigs` does with more orders.

const seed = 1;
const count = 50_000;

test("power cuts of a simulated disk and database lose nothing that was acknowledged", async (t) => {
  const { findings, ...counts } = await runCrashStates({ seed, count });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(findings, []);
});
