import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, metricsAddress, serveMetrics } from "../../src/rescue/reports/metrics-server.ts";
import type { RescueSnapshot } from "../../src/rescue/rescue-event.ts";

const snapshot: RescueSnapshot = {
  selected: { archives: 10, bytes: 1000 },
  verified: { archives: 4, bytes: 400 },
  failed: { archives: 1, bytes: 5 },
  requested: { archives: 3, bytes: 300 },
  readyJobs: 2,
  jobs: { started: 8, adopted: 1, expired: 0 },
  receivedBytes: 450,
  bytesPerSecond: 7,
  archivesPerSecond: 0.5,
  secondsLeft: null,
  spentUsd: 1.25,
  waiting: "policy",
};

test("metrics are served as Prometheus reads them, and nothing else is", async () => {
  await using server = await serveMetrics({ host: "127.0.0.1", port: 0 }, "photos", () => snapshot);
  const response = await fetch(server.url);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  assert.match(text, /^# TYPE moraine_rescue_archives gauge$/m);
  assert.match(text, /^moraine_rescue_archives\{vault="photos",state="verified"\} 4$/m);
  assert.match(text, /^moraine_rescue_bytes\{vault="photos",state="failed"\} 5$/m);
  assert.match(text, /^moraine_rescue_jobs_total\{vault="photos",kind="started"\} 8$/m);
  assert.match(text, /^moraine_rescue_waiting\{vault="photos",reason="policy"\} 1$/m);
  assert.doesNotMatch(text, /seconds_left/);
  assert.ok(text.endsWith("\n"));
  assert.equal((await fetch(server.url.replace("metrics", "other"))).status, 404);
  assert.equal((await fetch(server.url, { method: "POST" })).status, 404);
});

test("an address without a host is this machine alone, and only such ones are loopback", () => {
  assert.deepEqual(metricsAddress(":9101"), { host: "127.0.0.1", port: 9101 });
  assert.deepEqual(metricsAddress("[::1]:0"), { host: "::1", port: 0 });
  for (const text of ["9101", "host", "a b:1", "127.0.0.1:99999", "http://x:1"]) {
    assert.equal(metricsAddress(text), null, text);
  }
  for (const [host, expected] of Object.entries({
    "127.0.0.1": true,
    "127.1.2.3": true,
    "::1": true,
    localhost: true,
    "0.0.0.0": false,
    "10.0.0.1": false,
  })) {
    assert.equal(isLoopback({ host, port: 1 }), expected, host);
  }
});
