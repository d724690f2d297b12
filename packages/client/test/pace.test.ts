import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pace } from "../src/http/pace.ts";

/** Takes turns one after the other, and returns the times at which they are due. */
function turns(pace: Pace, from: number, count: number, afterEach: (now: number) => void = () => undefined): number[] {
  let now = from;
  return Array.from({ length: count }, () => {
    now += turn(pace, now);
    afterEach(now);
    return now;
  });
}

/** Returns how long the caller of the next turn waits. */
function turn(pace: Pace, now: number): number {
  const wait = Math.max(0, pace.wait(now));
  pace.take(now + wait);
  return wait;
}

const perSecond = (times: readonly number[]) => ((times.length - 1) * 1000) / ((times.at(-1) ?? 0) - (times[0] ?? 0));

test("nothing waits before the service throttles", () => {
  const pace = new Pace();
  assert.deepEqual(turns(pace, 0, 5), [0, 0, 0, 0, 0]);
});

test("a throttled request halves the rate", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 10) turn(pace, now); // 100 a second.
  pace.throttled(9990, 10_000);
  const rate = perSecond(turns(pace, 10_000, 20));
  assert.ok(rate > 45 && rate < 55, `${rate} a second`);
});

test("many that were sent together halve it once", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 10) turn(pace, now);
  for (let sentAt = 9900; sentAt < 10_000; sentAt += 10) pace.throttled(sentAt, 10_000 + sentAt / 1000);
  const rate = perSecond(turns(pace, 10_020, 20));
  assert.ok(rate > 45 && rate < 55, `${rate} a second`);
});

test("the rate grows by one a second each second while requests succeed", () => {
  const pace = new Pace();
  for (let now = 0; now < 1000; now += 100) turn(pace, now);
  pace.throttled(900, 1000);
  const times = turns(pace, 1000, 2000, () => pace.served());
  const count = (second: number) => times.filter((time) => time >= second * 1000 && time < (second + 1) * 1000).length;
  const [early, late] = [count(2), count(32)];
  assert.ok(late - early >= 27 && late - early <= 33, `${early}, then ${late} a second`);
});

test("the rate is at least half a request a second, however often it is throttled", () => {
  const pace = new Pace();
  let now = 0;
  for (let call = 0; call < 50; call += 1) {
    now += turn(pace, now);
    pace.throttled(now, now + 1);
    now += 1;
  }
  const wait = turn(pace, now);
  assert.ok(wait > 0 && wait <= 2000, `${wait} ms`);
});

test("a service with a limit gets about that rate, and throttles little", () => {
  const bearable = fc.integer({ min: 2, max: 200 });
  fc.assert(
    fc.property(bearable, (rate) => {
      const pace = new Pace();
      let [tokens, last, throttled, served] = [rate, 0, 0, 0];
      let now = 0;
      while (now < 120_000) {
        now += turn(pace, now) + 1; // One caller, whose responses take a millisecond.
        tokens = Math.min(rate, tokens + ((now - last) / 1000) * rate);
        last = now;
        if (tokens >= 1) {
          tokens -= 1;
          served += 1;
          pace.served();
        } else {
          throttled += 1;
          pace.throttled(now - 1, now);
        }
      }
      assert.ok(served > 0.6 * rate * 120, `served ${served} of ${rate * 120}`);
      assert.ok(throttled < 0.2 * served + 20, `throttled ${throttled}, served ${served}`);
    }),
    { numRuns: 50 },
  );
});
