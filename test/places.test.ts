import assert from "node:assert/strict";
import { test } from "node:test";
import { runPlaces } from "./rigs/places/run.ts";

// A sample of what `npm run rigs` does in each hostile place.

test("a second process on the folder is refused, and nothing acknowledged is lost", async (t) => {
  const options = { rig: "places", place: "second process", seed: 1 } as const;
  const { violations, findings, ...counts } = await runPlaces(options);
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual({ violations, findings }, { violations: [], findings: [] });
  assert.ok(counts.succeeded > 10);
});
