import assert from "node:assert/strict";
import { test } from "node:test";
import { runRaces } from "../rigs/races/run.ts";
import { missingCluster, startCluster } from "../support/engines/cluster.ts";

const count = Number(process.env["RACES"] ?? 100);

test(`${count} races through two nodes in turn have the outcomes that one process gives`, {
  skip: missingCluster(),
  timeout: 120_000 + count * 1000,
}, async (context) => {
  await using cluster = await startCluster();
  const result = await runRaces({ seed: 1, count, url: cluster.url });
  context.diagnostic(JSON.stringify({ ...result, violations: result.violations.length }));
  assert.deepEqual(result.violations, []);
  assert.ok(result.succeeded > count * 3, `${result.succeeded} calls succeeded`);
  for (const node of cluster.nodes) {
    const { stderr } = await node.stop();
    assert.doesNotMatch(stderr, /"level":(50|60)/);
  }
});
