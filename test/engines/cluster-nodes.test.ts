import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { missingCluster, startCluster } from "../support/engines/cluster.ts";
import { underLoad } from "../support/engines/cluster-load.ts";
import { Random } from "../support/random.ts";

const workers = 4;
const kills = Number(process.env["KILLS"] ?? 6);
/** Longer than any lease of a node on jobs, and than a change is tried. */
const pauseMilliseconds = 35_000;

describe("nodes of a cluster", { skip: missingCluster() }, () => {
  test(`a node is killed ${kills} times: nothing acknowledged is lost`, {
    timeout: 120_000 + kills * 30_000,
  }, async (context) => {
    await using cluster = await startCluster();
    const random = new Random(1);
    const counts = await underLoad(Array(workers).fill(cluster.url), async () => {
      for (let number = 0; number < kills; number += 1) {
        await sleep(random.whole(100, 1500));
        const index = random.whole(0, 1);
        await cluster.nodes[index]?.kill();
        await sleep(random.whole(0, 500));
        await cluster.replace(index);
      }
    });
    context.diagnostic(JSON.stringify({ kills, ...counts }));
  });

  test("a node that stood still for longer than its leases changes nothing by what it knew", {
    timeout: 240_000,
  }, async (context) => {
    await using cluster = await startCluster();
    const counts = await underLoad(Array(workers).fill(cluster.url), async () => {
      await sleep(1000);
      cluster.nodes[0]?.signal("SIGSTOP");
      await sleep(pauseMilliseconds);
      cluster.nodes[0]?.signal("SIGCONT");
      await sleep(2000);
    });
    context.diagnostic(JSON.stringify(counts));
  });
});
