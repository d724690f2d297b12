import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { kindsWithoutLeases } from "../rigs/races/kinds.ts";
import { runRaces } from "../rigs/races/run.ts";
import { missingCluster, startCluster } from "../support/engines/cluster.ts";
import { connectDirectly } from "../support/engines/postgres-store.ts";

const count = Number(process.env["RACES"] ?? 100);
/** An account may have 1,000 vaults, and each race has one. */
const racesOfCluster = 500;
const options = { skip: missingCluster(), timeout: 120_000 + count * 1000 };

test(`${count} races through two nodes in turn have the outcomes that one process gives`, options, async (context) => {
  for (let first = 0; first < count; first += racesOfCluster) {
    await using cluster = await startCluster();
    const share = Math.min(racesOfCluster, count - first);
    const result = await runRaces({ seed: 1 + first, count: share, url: cluster.url });
    context.diagnostic(JSON.stringify({ ...result, violations: result.violations.length }));
    assert.deepEqual(result.violations, []);
    assert.equal(result.unknown, 0);
    assert.ok(result.succeeded > share * 3, `${result.succeeded} calls succeeded`);
    for (const node of cluster.nodes) {
      const { stderr } = await node.stop();
      assert.doesNotMatch(stderr, /"level":(50|60)/);
    }
  }
});

const lapsingCount = Math.ceil(count / 4);
/** A lease lasts no longer than this: longer than many jobs take, and than few. */
const pauseMilliseconds = 30;

test(
  `${lapsingCount} races for jobs and uploads whose leases end at any time have one outcome each`,
  options,
  async (context) => {
    for (let first = 0; first < lapsingCount; first += racesOfCluster) {
      // Sweeps follow each other as soon as they may.
      await using cluster = await startCluster(2, { flags: ["--deleted-grace", "0"] });
      await using leases = await endLeases(cluster.databaseUrl);
      const share = Math.min(racesOfCluster, lapsingCount - first);
      const result = await runRaces({ seed: 1 + first, count: share, url: cluster.url, kinds: kindsWithoutLeases });
      context.diagnostic(JSON.stringify({ ...result, ended: leases.ended, violations: result.violations.length }));
      assert.deepEqual(result.violations, []);
      assert.ok(result.succeeded > share * 3, `${result.succeeded} calls succeeded`);
      assert.ok(
        Object.values(leases.ended).every((each) => each >= share / 10),
        JSON.stringify(leases.ended),
      );
    }
  },
);

/** Ends the leases of all that is in progress, again and again: nodes believe that they still have them. */
async function endLeases(databaseUrl: string) {
  const client = await connectDirectly(databaseUrl);
  const stopping = new AbortController();
  const ended = { jobs: 0, uploads: 0 };
  // In its turn, as changes of nodes are: it never waits for a row that a node holds while it holds another.
  const end = async (table: string, state: string) => {
    const sql = `with turn as (select id from writer_turn for update)
      update ${table} set lease_until = 1 from turn where lease_until > 1 and state = '${state}'`;
    return (await client.query(sql)).rowCount ?? 0;
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      ended.jobs += await end("jobs", "in_progress");
      ended.uploads += await end("segments", "pending");
      await sleep(pauseMilliseconds);
    }
  })();
  return {
    ended,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      await client.end();
    },
  };
}
