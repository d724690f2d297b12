import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { ManualClock, notBeforeTrusted, systemClock } from "../src/clock/clocks.ts";

const hour = 60 * 60 * 1000;
const never = new AbortController().signal;

/** The machine's clock, which the test sets; monotonic time continues as it does. */
function movableMachine(context: TestContext): { ahead: number } {
  const machine = { ahead: 0 };
  const now = Date.now;
  context.mock.method(Date, "now", () => now() + machine.ahead);
  return machine;
}

describe("the system's clock", () => {
  test("ends a sleep in its time though the clock was set back meanwhile", { timeout: 60_000 }, async (context) => {
    const machine = movableMachine(context);
    const slept = systemClock.sleepUntil(systemClock.now() + 100, never);
    machine.ahead = -hour;
    await slept;
  });

  test("ends a sleep soon after the clock was set beyond its end", { timeout: 60_000 }, async (context) => {
    const machine = movableMachine(context);
    const slept = systemClock.sleepUntil(systemClock.now() + hour, never);
    machine.ahead = 2 * hour;
    await slept;
  });

  test("sleeps no shorter than asked while nobody moves it, and not at all once the signal is given", async () => {
    const until = systemClock.now() + 30;
    await systemClock.sleepUntil(until, never);
    assert.ok(systemClock.now() >= until);
    await systemClock.sleepUntil(systemClock.now() + hour, AbortSignal.abort());
  });
});

describe("a clock that is not before trusted time", () => {
  const trustedAt = (time: number) => ({ policyNow: () => time, expiryNow: () => time, lag: () => null });

  test("is the clock while that is ahead, and trusted time while the clock is set back", () => {
    assert.equal(notBeforeTrusted(new ManualClock(5 * hour), trustedAt(4 * hour)).now(), 5 * hour);
    assert.equal(notBeforeTrusted(new ManualClock(3 * hour), trustedAt(4 * hour)).now(), 4 * hour);
  });

  test("sleeps for as long as is left by its own time", async () => {
    const manual = new ManualClock(3 * hour);
    const clock = notBeforeTrusted(manual, trustedAt(4 * hour));
    await clock.sleepUntil(4 * hour, never);
    let awake = false;
    const slept = clock.sleepUntil(4 * hour + 10, never).then(() => {
      awake = true;
    });
    manual.advance(9);
    await new Promise(setImmediate);
    assert.equal(awake, false);
    manual.advance(1);
    await slept;
  });
});
