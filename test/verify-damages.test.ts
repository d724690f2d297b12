import assert from "node:assert/strict";
import { test } from "node:test";
import { runDamages } from "./rigs/damages/run.ts";

// A sample of what `npm run rigs` does with more seeds.

const seed = 1_000_003;
const count = 100;

test(`${count} damages are named, and neither changed by the check nor served (seed ${seed})`, async (t) => {
  const { findings, ...counts } = await runDamages({ seed, count });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(findings, []);
});
