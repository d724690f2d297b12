import assert from "node:assert/strict";
import { test } from "node:test";
import { Bandwidth } from "../../src/transfers/bandwidth.ts";

const never = new AbortController().signal;

test("however many share a bandwidth, together they are no faster than it", async () => {
  const bandwidth = new Bandwidth(1_000_000);
  const started = performance.now();
  const one = async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      await bandwidth.take(10_000, never);
    }
  };
  await Promise.all([one(), one(), one()]);
  const milliseconds = performance.now() - started;
  // 600,000 bytes, of which 200 ms are the burst.
  assert.ok(milliseconds >= 390, `${milliseconds} ms`);
});

test("a wait for bandwidth ends when it is aborted", async () => {
  const bandwidth = new Bandwidth(1);
  await assert.rejects(bandwidth.take(1000, AbortSignal.timeout(20)), { name: "AbortError" });
});

test("a bandwidth of nothing is refused", () => {
  for (const rate of [0, -1, Number.NaN]) {
    assert.throws(() => new Bandwidth(rate), RangeError);
  }
});
