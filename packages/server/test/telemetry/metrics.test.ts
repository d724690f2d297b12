import assert from "node:assert/strict";
import { test } from "node:test";
import { noDeletedBytes } from "../../src/domain/stores/storage-report.ts";
import { Metrics, type MetricsSources } from "../../src/telemetry/metrics.ts";
import { StorageTimings } from "../../src/telemetry/storage-timings.ts";

const sources: MetricsSources = {
  timings: new StorageTimings(),
  isReady: () => true,
  isHalted: () => false,
  contents: () => Promise.reject(new Error("the store has failed")),
  overdueJobSeconds: async () => ({}),
  queues: () => ({}),
  hashQueueBytes: () => 0,
  listener: () => ({ connections: { idle: 0, busy: 0, refused: 0 }, bufferedBytes: 0 }),
  databaseBytes: async () => 0,
  databaseLogBytes: async () => 0,
  storage: () => ({ readOnly: null, freeBytes: 1000, reserveBytes: 100, deleted: noDeletedBytes }),
  countNotifications: async () => ({ pending: 0, failed: 0 }),
  policyTimeBehindSeconds: () => 0,
  faultsInForce: () => 0,
  damagedRows: () => 0,
  damage: () => ({ archives: 0, inventories: 0, segments: 0 }),
};

test("no count of notifications is shown that the store did not give this time", async () => {
  let count = async (): Promise<Record<string, number>> => ({ pending: 3, failed: 2 });
  let now = 0;
  const metrics = new Metrics({ ...sources, countNotifications: () => count() }, () => now);
  const shown = async () => {
    now += 1000;
    return (await metrics.text()).text.match(/^moraine_notifications\{.*$/gm) ?? [];
  };
  const both = ['moraine_notifications{state="pending"} 3', 'moraine_notifications{state="failed"} 2'];
  assert.deepEqual(await shown(), both);
  count = async () => ({ pending: 1 });
  assert.deepEqual(await shown(), ['moraine_notifications{state="pending"} 1']);
  count = () => Promise.reject(new Error("the store has failed"));
  assert.deepEqual(await shown(), []);
});

test("a figure that cannot be had is not a number, and hides no other", async () => {
  const metrics = new Metrics({ ...sources, timings: new StorageTimings() });
  const { text } = await metrics.text();
  assert.match(text, /^moraine_vaults Nan$/m);
  assert.doesNotMatch(text, /^moraine_jobs\{/m);
  assert.match(text, /^moraine_ready 1$/m);
});

test("queues are read before the scrape itself asks the database", async () => {
  const asked: string[] = [];
  const metrics = new Metrics({
    ...sources,
    timings: new StorageTimings(),
    queues: () => {
      asked.push("queues");
      return {};
    },
    contents: () => {
      asked.push("contents");
      return sources.contents();
    },
    overdueJobSeconds: async () => {
      asked.push("jobs");
      return {};
    },
    countNotifications: async () => {
      asked.push("notifications");
      return {};
    },
  });
  await metrics.text();
  assert.equal(asked[0], "queues");
  assert.ok(asked.length > 3);
});
