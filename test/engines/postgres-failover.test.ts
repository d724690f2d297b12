import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { serviceFacts } from "../../packages/server/src/domain/audit.ts";
import {
  type MetadataStore,
  MetadataUnavailableError,
} from "../../packages/server/src/domain/stores/metadata-store.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { connectDirectly, openTestNode } from "../support/engines/postgres-store.ts";
import { repositoryRoot } from "../support/server-process.ts";

const run = promisify(execFile);
const failovers = Number(process.env["FAILOVERS"] ?? 3);
const writersOfNode = 4;
const awaySecondsMax = 10;

test(`a primary is killed and its standby promoted ${failovers} times: each change is made once, and changes are back soon`, {
  skip: missingEngine("postgresPair"),
  timeout: 60_000 + failovers * 30_000,
}, async () => {
  await using engine = await startEngine("postgresPair");
  const url = engine.variables["DATABASE_URL_MULTI"] ?? "";
  const nodes = [await openTestNode(url), await openTestNode(url)];
  const load = startLoad(nodes);
  let current = "";
  for (let round = 0; round < failovers; round += 1) {
    await sleep(1000);
    current = await onPair(engine, "failover");
    await sleep(1000);
    current = await onPair(engine, "rejoin");
  }
  await sleep(1000);
  const { acknowledged, unknown, awaySeconds } = await load.stop();
  await Promise.all(nodes.map((node) => node.close()));
  const kept = await countsIn(current);
  assert.ok(acknowledged.length > failovers * 10, `${acknowledged.length} changes were made`);
  assert.deepEqual(
    acknowledged.filter((subject) => kept.get(subject) !== 1),
    [],
    "each was made once",
  );
  assert.deepEqual(
    unknown.filter((subject) => (kept.get(subject) ?? 0) > 1),
    [],
    "none was made twice",
  );
  assert.equal(
    [...kept.keys()].length,
    new Set([...acknowledged, ...unknown]).size - unknown.filter((subject) => !kept.has(subject)).length,
  );
  assert.ok(awaySeconds < awaySecondsMax, `changes were away for ${awaySeconds} s`);
  console.log(JSON.stringify({ failovers, acknowledged: acknowledged.length, unknown: unknown.length, awaySeconds }));
});

/** Changes by both nodes, several at a time, until it is stopped. */
function startLoad(nodes: readonly MetadataStore[]) {
  const acknowledged: string[] = [];
  const unknown: string[] = [];
  const stopping = new AbortController();
  let lastAt = performance.now();
  let awayMilliseconds = 0;
  async function write(node: MetadataStore, name: string): Promise<void> {
    for (let number = 0; !stopping.signal.aborted; number += 1) {
      const subject = `${name}.${number}`;
      try {
        await node.addAuditEntries([serviceFacts({ time: 0, operation: "Note", subject })]);
        acknowledged.push(subject);
        awayMilliseconds = Math.max(awayMilliseconds, performance.now() - lastAt);
        lastAt = performance.now();
      } catch (error) {
        assert.ok(error instanceof MetadataUnavailableError, String(error));
        if (error.outcome === "unknown") {
          unknown.push(subject);
        }
      }
    }
  }
  const running = nodes.flatMap((node, index) =>
    Array.from({ length: writersOfNode }, (_, writer) => write(node, `${index}.${writer}`)),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
      return { acknowledged, unknown, awaySeconds: awayMilliseconds / 1000 };
    },
  };
}

/** Resolves to the URL of the primary. */
async function onPair({ folder }: Engine, what: "failover" | "rejoin"): Promise<string> {
  const script = join(repositoryRoot, "test/engines/start-postgres-ha.sh");
  const { stdout } = await run(script, [folder, what]);
  return /DATABASE_URL=(\S+)/.exec(stdout)?.[1] ?? "";
}

async function countsIn(url: string): Promise<ReadonlyMap<string, number>> {
  await using client = await connectDirectly(url);
  const { rows } = await client.query("select subject, count(*)::int as count from audit_entries group by subject");
  return new Map(rows.map(({ subject, count }) => [subject, count]));
}
