import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { sleep } from "../src/clock/sleep.ts";

const hour = 60 * 60 * 1000;

test("sleeps its time, and leaves no listener with the signal", async () => {
  const { signal } = new AbortController();
  const began = performance.now();
  assert.equal(await sleep(30, signal), true);
  // A timer may fire up to a millisecond early.
  assert.ok(performance.now() - began >= 29);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("wakes as soon as the signal is aborted, and does not sleep when it is already", { timeout: 10_000 }, async () => {
  const stopping = new AbortController();
  const slept = sleep(hour, stopping.signal);
  stopping.abort();
  assert.equal(await slept, false);
  assert.equal(await sleep(hour, stopping.signal), false);
});

test("keeps the process alive unless asked not to", () => {
  const { signal } = new AbortController();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  void sleep(1, signal);
  assert.equal(timers(), before + 1);
  void sleep(1, signal, { ref: false });
  assert.equal(timers(), before + 1);
});
