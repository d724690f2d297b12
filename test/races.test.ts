import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { racesBugs } from "./rigs/planted/bugs.ts";
import { plantedServer } from "./rigs/planted/planted-server.ts";
import { runRaces } from "./rigs/races/run.ts";

const seed = 1;

test("callers that contradict each other see outcomes that one order of their calls explains", async (t) => {
  const { violations, ...counts } = await runRaces({ seed, count: 200 });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(violations, []);
  assert.equal(counts.unknown, 0);
});

describe("the races notice a planted bug:", () => {
  for (const bug of racesBugs) {
    test(bug.name, async (t) => {
      await using planted = await plantedServer(bug);
      const { violations, batches } = await runRaces({
        seed,
        count: 400,
        command: planted.command,
        stopsAtViolation: true,
      });
      t.diagnostic(`after ${batches} batches: ${violations[0]?.sentence}`);
      assert.notEqual(violations.length, 0);
    });
  }
});
