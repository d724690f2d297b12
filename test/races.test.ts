import assert from "node:assert/strict";
import { test } from "node:test";
import { runRaces } from "./rigs/races/run.ts";

// A sample of what `npm run rigs` does.

const seed = 1;

test("callers that contradict each other see outcomes that one order of their calls explains", async (t) => {
  const { violations, ...counts } = await runRaces({ seed, count: 200 });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(violations, []);
  assert.equal(counts.unknown, 0);
});
