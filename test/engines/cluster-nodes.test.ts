import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { violationsOf } from "../rigs/violations.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { type Cluster, missingCluster, startCluster } from "../support/engines/cluster.ts";
import { HistoryCaller } from "../support/history/caller.ts";
import type { Call } from "../support/history/calls.ts";
import { observe } from "../support/history/observe.ts";
import { HistoryRecorder } from "../support/history/recorder.ts";
import { Random } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const kills = Number(process.env["KILLS"] ?? 6);
const workers = 4;
const vault = "cluster";
const sizeBytesMax = 300_000;
/** Longer than any lease of a node on jobs, and than a change is tried. */
const pauseMilliseconds = 35_000;
const jobSecondsMax = 60;

describe("nodes of a cluster", { skip: missingCluster() }, () => {
  test(`a node is killed ${kills} times: nothing acknowledged is lost`, {
    timeout: 120_000 + kills * 30_000,
  }, async (context) => {
    const random = new Random(1);
    const counts = await underLoad(async (cluster) => {
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
    const counts = await underLoad(async (cluster) => {
      await sleep(1000);
      cluster.nodes[0]?.signal("SIGSTOP");
      await sleep(pauseMilliseconds);
      cluster.nodes[0]?.signal("SIGCONT");
      await sleep(2000);
    });
    context.diagnostic(JSON.stringify(counts));
  });
});

/** Calls through both nodes while trouble comes; then all is observed, and judged by the model. */
async function underLoad(trouble: (cluster: Cluster) => Promise<void>) {
  await using cluster = await startCluster();
  await using folder = await temporaryFolder();
  await using recorder = await HistoryRecorder.create(join(folder.path, "history"));
  const caller = new HistoryCaller(cluster.url, "");
  caller.jobSecondsMax = jobSecondsMax;
  const make = (call: Call) => recorder.record(call, (each) => caller.perform(each));
  await make({ op: "CreateVault", vault });
  const stopping = new AbortController();
  const running = Array.from({ length: workers }, (_, worker) => work(worker, make, stopping.signal));
  await trouble(cluster);
  stopping.abort();
  await Promise.all(running);
  await recorder.note("restart");
  await observe(recorder, make);
  caller.close();
  assert.deepEqual(violationsOf(recorder.entries), []);
  const outcomes = recorder.entries.flatMap((entry) => ("end" in entry ? [entry.outcome.kind] : []));
  const counts = Object.fromEntries(
    ["ok", "refused", "unknown"].map((kind) => [kind, outcomes.filter((one) => one === kind).length]),
  );
  assert.ok((counts["ok"] ?? 0) > 50, JSON.stringify(counts));
  return counts;
}

/** Uploads, in one piece and in parts, of which some are deleted and some are read. */
async function work(worker: number, make: (call: Call) => Promise<unknown>, signal: AbortSignal): Promise<void> {
  const random = new Random(100 + worker);
  for (let number = 0; !signal.aborted; number += 1) {
    const archive = `${worker}-${number}`;
    const seed = worker * 10_000 + number;
    const sizeBytes = random.whole(1, sizeBytesMax);
    const content = { seed, sizeBytes, treeHash: treeHashOf(contentOf(seed, sizeBytes)) };
    await make({ op: "UploadArchive", vault, archive, ...content });
    const next = random.oneOf(["DeleteArchive", "ReadArchive", null] as const);
    if (next != null) {
      await make({ op: next, vault, archive });
    }
    await make({ op: "AddTagsToVault", vault, tags: { [`worker${worker}`]: archive } });
  }
}
