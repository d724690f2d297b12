import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { startTrustedClock } from "../src/clock/trusted-clock.ts";
import type { ClockLag, TrustedTimeState } from "../src/domain/time/trusted-clock.ts";
import { openInlineStore } from "./support/inline-store.ts";

const minute = 60 * 1000;
const day = 24 * 60 * minute;
const year = 365 * day;
const start = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

/** A machine whose clocks the test moves, and which it boots. */
class Machine {
  wall = start;
  monotonic = 1000;
  #boots = 1;
  readonly lags: ClockLag[] = [];

  run(kept: TrustedTimeState | null, { followsClock = false, isManual = false, hasBootId = true } = {}) {
    return startTrustedClock({
      clock: { now: () => this.wall },
      monotonic: () => this.monotonic,
      bootId: hasBootId ? `boot ${this.#boots}` : null,
      kept,
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

  /** The machine is off for this long. */
  boots(offMilliseconds: number): void {
    this.wall += offMilliseconds;
    this.monotonic = 10;
    this.#boots += 1;
  }
}

/** As a run before the last boot left it. */
const reached = (highWater: number): TrustedTimeState => ({ highWater, monotonic: 0, boot: null });

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

  test("after ten years forward, policies' time continues from where it was, and says once that the clock is ahead", () => {
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
    const trusted = machine.run(reached(start + minute), { isManual: true });
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
    const trusted = machine.run(reached(start - 20 * year), { followsClock: true });
    machine.wall += 10 * year;
    assert.equal(trusted.policyNow(), start + 10 * year);
    machine.wall -= 10 * year;
    assert.equal(trusted.policyNow(), start + 10 * year);
    assert.equal(trusted.lag(), null);
  });
});

describe("over restarts of the service alone", () => {
  test("a clock that is moved between them is followed by five minutes in all, however many there are", () => {
    const machine = new Machine();
    let trusted = machine.run(null);
    for (let restart = 0; restart < 100; restart += 1) {
      machine.passes(minute);
      const kept = trusted.state();
      machine.wall += restart % 2 === 0 ? 6.9 * day : minute;
      trusted = machine.run(kept);
    }
    assert.ok(trusted.policyNow() <= start + 105 * minute);
    machine.wall = start + 100 * minute + 5 * minute;
    assert.equal(trusted.policyNow(), machine.wall);
  });

  test("time continues while the service is stopped, for as long as the machine counts it", () => {
    const machine = new Machine();
    const kept = machine.run(null).state();
    machine.passes(30 * day);
    const trusted = machine.run(kept);
    assert.equal(trusted.policyNow(), machine.wall);
    assert.equal(trusted.lag(), null);
    machine.wall += year;
    machine.passes(day);
    assert.equal(machine.run(trusted.state()).policyNow(), start + 31 * day);
  });

  test("the operator's word counts from then on, and not for later moves of the clock", () => {
    const machine = new Machine();
    const first = machine.run(null);
    machine.wall += year;
    const second = machine.run(first.state(), { followsClock: true });
    assert.equal(second.policyNow(), start + year);
    const third = machine.run(second.state());
    assert.equal(third.policyNow(), start + year);
    machine.wall += year;
    assert.equal(machine.run(third.state()).policyNow(), start + year);
  });
});

describe("over boots of the machine", () => {
  test("seven days of absence are believed, and a millisecond more is not", () => {
    const machine = new Machine();
    assert.equal(machine.run(reached(start - 7 * day)).policyNow(), start);
    const trusted = machine.run(reached(start - 7 * day - 1));
    assert.equal(trusted.policyNow(), start - 7 * day - 1);
    machine.passes(day);
    assert.deepEqual(trusted.lag(), { serviceTime: start + day, trustedTime: start - 6 * day - 1 });
  });

  test("absences are believed for seven days in all, and once more for as long as the machine has run since", () => {
    for (const hasBootId of [true, false]) {
      const machine = new Machine();
      let trusted = machine.run(null, { hasBootId });
      for (let boot = 0; boot < 20; boot += 1) {
        const kept = trusted.state();
        machine.boots(6.9 * day);
        trusted = machine.run(kept, { hasBootId });
        machine.wall += 5 * minute;
        trusted.policyNow();
      }
      assert.equal(trusted.policyNow(), start + 6.9 * day + 5 * minute);
      machine.wall = trusted.policyNow();
      machine.passes(3 * day);
      const kept = trusted.state();
      machine.boots(3 * day);
      assert.equal(machine.run(kept, { hasBootId }).policyNow(), machine.wall);
    }
  });

  test("a machine that runs for half of the time at least is always believed", () => {
    const machine = new Machine();
    let trusted = machine.run(null);
    for (let night = 0; night < 1000; night += 1) {
      machine.passes(12 * 60 * minute);
      const kept = trusted.state();
      machine.boots(12 * 60 * minute);
      trusted = machine.run(kept);
      assert.equal(trusted.policyNow(), machine.wall);
    }
  });

  test("not even an operator's word takes back what was reached", () => {
    const machine = new Machine();
    for (const followsClock of [false, true]) {
      assert.equal(machine.run(reached(start + year), { followsClock }).policyNow(), start + year);
    }
  });

  test("a clock that stays ten years ahead is not caught up with, however often the machine is started", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "metadata.db");
    const machine = new Machine();
    let kept: TrustedTimeState | null = reached(start);
    machine.wall += 10 * year;
    let expected = start;
    for (let restart = 0; restart < 20; restart += 1) {
      const metadata = await openInlineStore(path);
      kept = (await metadata.trustedTime()) ?? kept;
      assert.equal(kept.highWater, expected);
      const trusted = machine.run(kept);
      machine.passes(minute);
      await metadata.raiseTrustedTime(trusted.state());
      await metadata.close();
      machine.boots(0);
      expected += minute;
    }
  });
});

describe("any moves of the clock", () => {
  // Moves of the machine's clock, time that passes, restarts of the service and boots of the machine, in any order.
  const event = fc.oneof(
    fc.record({ kind: fc.constant("passes" as const), by: fc.integer({ min: 0, max: 3 * day }) }),
    fc.record({ kind: fc.constant("jumps" as const), by: fc.integer({ min: -10 * year, max: 10 * year }) }),
    fc.record({ kind: fc.constant("steps" as const), by: fc.integer({ min: -minute, max: 5 * minute }) }),
    fc.record({ kind: fc.constant("restarts" as const), by: fc.integer({ min: 0, max: 30 * day }) }),
    fc.record({ kind: fc.constant("boots" as const), by: fc.integer({ min: 0, max: 30 * day }) }),
  );
  const history = fc.array(event, { maxLength: 60 });

  test("policies' time never decreases, overtakes the clock's latest at half the speed only, and gains no more than the bounds", () => {
    const property = fc.property(history, (events) => {
      const machine = new Machine();
      let trusted = machine.run(null);
      let [seen, latestWall, bound] = [start, start, start + 5 * minute];
      // All that may ever be gained: trusted time goes at most at twice the speed of the machine, and seven days.
      let boundOfAll = start + 7 * day;
      // Trusted time goes at half the speed while the clock is behind.
      let aheadMax = 0;
      const ran = (milliseconds: number) => {
        bound += milliseconds;
        boundOfAll += 2 * milliseconds;
        aheadMax += milliseconds / 2;
      };
      for (const { kind, by } of events) {
        const kept = trusted.state();
        switch (kind) {
          case "passes":
            machine.passes(by);
            ran(by);
            break;
          case "jumps":
          case "steps":
            machine.wall += by;
            break;
          case "restarts":
            machine.passes(by);
            trusted = machine.run(kept);
            ran(by);
            break;
          case "boots":
            machine.boots(by);
            trusted = machine.run(kept);
            bound = seen + 7 * day + 5 * minute;
        }
        latestWall = Math.max(latestWall, machine.wall);
        const now = trusted.policyNow();
        assert.ok(now >= seen, "it decreased");
        assert.ok(now <= latestWall + aheadMax, "it is ahead of the clock by more than it may be");
        assert.ok(now <= bound, "it gained more than a boot allows");
        assert.ok(now <= boundOfAll, "it gained more than all boots together allow");
        const lag = trusted.lag();
        assert.equal(lag === null, machine.wall <= now, "it lags and does not say so, or the other way round");
        seen = now;
      }
    });
    fc.assert(property, { numRuns: 5000 });
  });
});
