import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { ClockLag } from "../src/domain/trusted-clock.ts";
import { openInlineStore } from "../src/storage/metadata/inline-store.ts";
import { startTrustedClock } from "../src/trusted-clock.ts";

const minute = 60 * 1000;
const day = 24 * 60 * minute;
const year = 365 * day;
const start = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

/** A machine whose two clocks the test moves. */
class Machine {
  wall = start;
  monotonic = 1000;
  readonly lags: ClockLag[] = [];

  run(highWater: number | null, { followsClock = false, isManual = false } = {}) {
    return startTrustedClock({
      clock: { now: () => this.wall },
      monotonic: () => this.monotonic,
      highWater,
      followsClock,
      isManual,
      onLag: (lag) => this.lags.push(lag),
    });
  }

  /** Time goes by, as both clocks see it. */
  passes(milliseconds: number): void {
    this.wall += milliseconds;
    this.monotonic += milliseconds;
  }
}

describe("within a run", () => {
  test("policies' time is the clock's, while that goes as time does", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    for (let hour = 0; hour < 100_000; hour += 1) {
      machine.passes(60 * minute);
      assert.equal(trusted.policyNow(), machine.wall);
    }
    assert.equal(trusted.lag(), null);
  });

  test("a clock that is put right by five minutes is followed, and by one millisecond more is not", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    machine.wall += 5 * minute;
    assert.equal(trusted.policyNow(), machine.wall);
    machine.wall += 1;
    assert.equal(trusted.policyNow(), machine.wall - 1);
    assert.deepEqual(trusted.lag(), { serviceTime: machine.wall, trustedTime: machine.wall - 1 });
  });

  test("many small steps forward are believed no more than a large one", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    for (let step = 0; step < 1000; step += 1) {
      machine.passes(1);
      machine.wall += minute;
      trusted.policyNow();
    }
    assert.equal(trusted.policyNow(), start + 5 * minute + 1000);
  });

  test("after ten years forward, policies' time goes on from where it was, and says once that the clock is ahead", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    machine.passes(minute);
    trusted.policyNow();
    machine.wall += 10 * year;
    machine.passes(day);
    assert.equal(trusted.policyNow(), start + minute + day);
    machine.passes(day);
    assert.deepEqual(trusted.lag(), { serviceTime: machine.wall, trustedTime: start + minute + 2 * day });
    assert.equal(machine.lags.length, 1);
  });

  test("however often it is asked, no fraction of a millisecond is lost", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    machine.wall += year;
    for (let reading = 0; reading < 10_000; reading += 1) {
      machine.passes(0.25);
      trusted.policyNow();
    }
    assert.equal(trusted.policyNow(), start + 2500);
  });

  test("a clock that goes back is waited for at half the speed", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    machine.wall -= day;
    assert.equal(trusted.policyNow(), start);
    machine.passes(day);
    assert.equal(trusted.policyNow(), start + day / 2);
    machine.passes(day);
    assert.equal(trusted.policyNow(), start + day);
    machine.passes(minute);
    assert.equal(trusted.policyNow(), start + day + minute);
    assert.deepEqual(machine.lags, []);
  });

  test("a manual clock's time stands still until it is moved, and data expires by it", () => {
    const machine = new Machine();
    const trusted = machine.run(start + minute, { isManual: true });
    machine.monotonic += day;
    assert.equal(trusted.policyNow(), start + minute);
    machine.wall += year;
    assert.equal(trusted.policyNow(), start + minute);
    assert.equal(trusted.expiryNow(), start + year);
  });

  test("data expires by trusted time, whatever the clock says", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    machine.wall += year;
    machine.passes(minute);
    assert.equal(trusted.expiryNow(), start + minute);
  });

  test("a clock that went ahead and is put right again is followed again, and reported when it goes ahead again", () => {
    const machine = new Machine();
    const trusted = machine.run(null);
    for (let time = 0; time < 2; time += 1) {
      machine.wall += year;
      assert.notEqual(trusted.lag(), null);
      machine.wall -= year;
      machine.passes(minute);
      assert.equal(trusted.lag(), null);
      assert.equal(trusted.policyNow(), machine.wall);
    }
    assert.equal(machine.lags.length, 2);
  });

  test("where the operator vouches for the clock, it is followed at once and everywhere but back", () => {
    const machine = new Machine();
    const trusted = machine.run(start - 20 * year, { followsClock: true });
    machine.wall += 10 * year;
    assert.equal(trusted.policyNow(), start + 10 * year);
    machine.wall -= 10 * year;
    assert.equal(trusted.policyNow(), start + 10 * year);
    assert.equal(trusted.lag(), null);
  });
});

describe("over restarts", () => {
  test("seven days of absence are believed, and a millisecond more is not", () => {
    const machine = new Machine();
    assert.equal(machine.run(start - 7 * day).policyNow(), start);
    const trusted = machine.run(start - 7 * day - 1);
    assert.equal(trusted.policyNow(), start - 7 * day - 1);
    machine.passes(day);
    assert.deepEqual(trusted.lag(), { serviceTime: start + day, trustedTime: start - 6 * day - 1 });
  });

  test("not even an operator's word takes back what was reached", () => {
    const machine = new Machine();
    for (const followsClock of [false, true]) {
      assert.equal(machine.run(start + year, { followsClock }).policyNow(), start + year);
    }
  });

  test("a clock that stays ten years ahead is not caught up with, however often the service is restarted", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "metadata.db");
    const machine = new Machine();
    machine.wall += 10 * year;
    let expected = start;
    for (let restart = 0; restart < 20; restart += 1) {
      const metadata = await openInlineStore(path);
      const highWater = (await metadata.trustedTime()) ?? start;
      assert.equal(highWater, expected);
      const trusted = machine.run(highWater);
      machine.passes(minute);
      await metadata.raiseTrustedTime(trusted.policyNow());
      await metadata.close();
      expected += minute;
    }
  });
});

describe("whatever happens to the clock", () => {
  // Moves of the machine's clock, time that passes, and restarts, in any order.
  const event = fc.oneof(
    fc.record({ kind: fc.constant("passes" as const), by: fc.integer({ min: 0, max: 3 * day }) }),
    fc.record({ kind: fc.constant("jumps" as const), by: fc.integer({ min: -10 * year, max: 10 * year }) }),
    fc.record({ kind: fc.constant("steps" as const), by: fc.integer({ min: -minute, max: 5 * minute }) }),
    fc.record({ kind: fc.constant("restarts" as const), by: fc.integer({ min: 0, max: 30 * day }) }),
  );
  const history = fc.array(event, { maxLength: 60 });

  test("policies' time never decreases, overtakes the clock's latest at half the speed only, and gains no more than the bounds", () => {
    const property = fc.property(history, (events) => {
      const machine = new Machine();
      let trusted = machine.run(null);
      let [seen, latestWall, bound] = [start, start, start + 5 * minute];
      // Trusted time goes at half the speed while the clock is behind.
      let aheadMax = 0;
      for (const { kind, by } of events) {
        switch (kind) {
          case "passes":
            machine.passes(by);
            bound += by;
            aheadMax += by / 2;
            break;
          case "jumps":
          case "steps":
            machine.wall += by;
            break;
          case "restarts":
            machine.passes(by);
            trusted = machine.run(seen);
            bound = seen + 7 * day + 5 * minute;
        }
        latestWall = Math.max(latestWall, machine.wall);
        const now = trusted.policyNow();
        assert.ok(now >= seen, "it decreased");
        assert.ok(now <= latestWall + aheadMax, "it is ahead of the clock by more than it may be");
        assert.ok(now <= bound, "it gained more than the bounds allow");
        const lag = trusted.lag();
        assert.equal(lag === null, machine.wall <= now, "it lags and does not say so, or the other way round");
        seen = now;
      }
    });
    fc.assert(property, { numRuns: 5000 });
  });
});
