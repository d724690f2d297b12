import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeDescription } from "@moraine/protocol";
import { packageVersion } from "../../packages/server/src/package-version.ts";
import { Shell } from "../support/command.ts";
import { missingCluster, startCluster } from "../support/engines/cluster.ts";
import { region } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("moraine admin nodes lists the nodes that live, and those that died", {
  skip: missingCluster(),
  timeout: 180_000,
}, async () => {
  await using cluster = await startCluster();
  await using home = await temporaryFolder();
  const shell = new Shell(home.path, { MORAINE_ENDPOINT: cluster.url, AWS_REGION: region });
  const list = async (): Promise<NodeDescription[]> => JSON.parse(await shell.done(["admin", "nodes", "--json"]));

  const [eldest, second, ...others] = await list();
  assert.ok(eldest && second && others.length === 0);
  for (const node of [eldest, second]) {
    assert.deepEqual([node.Host, node.Version, node.Alive], [hostname(), packageVersion(), true]);
    assert.ok(node.SecondsSinceSeen < 15);
    assert.ok(node.StartDate <= node.LastSeenDate);
  }
  assert.deepEqual([eldest.Scrubs, second.Scrubs], [true, false]);

  await cluster.nodes[0]?.kill();
  await cluster.replace(0);
  const isDead = ({ Alive }: NodeDescription) => !Alive;
  for (let seconds = 0; seconds < 40 && !(await list()).some(isDead); seconds += 1) {
    await sleep(1000);
  }
  const [successor, third, dead] = await list();
  assert.deepEqual([successor?.NodeId, successor?.Scrubs, third?.Alive], [second.NodeId, true, true]);
  assert.deepEqual([dead?.NodeId, dead?.Alive, dead?.Scrubs], [eldest.NodeId, false, false]);
  assert.match(
    await shell.done(["admin", "nodes"]),
    /^NODE {2,}HOST .*\n.* alive, scrubs .*\n.* alive .*\n.* not alive /,
  );

  await cluster.nodes[1]?.stop();
  await cluster.replace(1);
  assert.equal((await list()).filter(({ NodeId }) => NodeId === second.NodeId).length, 0, "one that ended in order");
});
