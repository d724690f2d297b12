import assert from "node:assert/strict";
import { test } from "node:test";
import { plantedBugs } from "./rigs/planted/bugs.ts";
import { notice } from "./rigs/planted/run.ts";

// A sample of what `npm run rigs` does with each planted bug.

const bug = plantedBugs.find(({ name }) => name === "the row of a segment goes before its file");

test("a bug that is planted in a copy of the sources is noticed", async (t) => {
  assert.ok(bug);
  const { seen, findings } = await notice(bug);
  t.diagnostic(String(seen));
  assert.notEqual(seen, null);
  assert.deepEqual(findings, []);
});

test("a planted bug that changes nothing is reported as one that was not noticed", async () => {
  assert.ok(bug);
  const harmless = { ...bug, wrong: bug.correct, shownBy: { rig: "crash-states", seed: 1, count: 500 } } as const;
  const { findings } = await notice(harmless);
  assert.deepEqual(findings, [`"${bug.name}" was not noticed`]);
});
