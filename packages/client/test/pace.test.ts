import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../../test/support/random.ts";
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

test("a throttled request lowers the rate by almost a third", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 10) turn(pace, now); // 100 a second.
  pace.throttled(9990, 10_000);
  const rate = perSecond(turns(pace, 10_000, 20));
  assert.ok(rate > 65 && rate < 75, `${rate} a second`);
});

test("many that were sent together lower it once", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 10) turn(pace, now);
  for (let sentAt = 9900; sentAt < 10_000; sentAt += 10) pace.throttled(sentAt, 10_000 + sentAt / 1000);
  const rate = perSecond(turns(pace, 10_020, 20));
  assert.ok(rate > 65 && rate < 75, `${rate} a second`);
});

test("the rate returns to the one that was too much, stays near it, and then grows", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 10) turn(pace, now); // 100 a second.
  pace.throttled(9990, 10_000);
  const times = turns(pace, 10_000, 3000, (now) => pace.served(now));
  const count = (second: number) =>
    times.filter((time) => time >= 10_000 + second * 1000 && time < 11_000 + second * 1000).length;
  const [first, returned, near, later] = [count(0), count(4), count(6), count(12)];
  assert.ok(first < 90, `${first} in the first second`);
  assert.ok(returned > 97 && near < 110, `${returned}, then ${near}`);
  assert.ok(later > 150, `${later} at last`);
});

test("an hour without a request does not make the rate grow", () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 100) turn(pace, now); // 10 a second.
  pace.throttled(9900, 10_000);
  const later = 3_600_000;
  const times = turns(pace, later, 200, (now) => pace.served(now));
  const inFirstSeconds = times.filter((time) => time < later + 5000).length;
  assert.ok(inFirstSeconds < 60, `${inFirstSeconds} in five seconds`);
});

test("a service that throttles one of a hundred requests at random gets more than 30 a second", () => {
  const random = new Random(5);
  const pace = new Pace();
  let [now, served] = [0, 0];
  while (now < 300_000) {
    now += turn(pace, now) + 5;
    if (random.fraction() < 0.01) {
      pace.throttled(now - 5, now);
    } else {
      served += 1;
      pace.served(now);
    }
  }
  assert.ok(served / 300 > 30, `${served / 300} a second`);
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
          pace.served(now);
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
