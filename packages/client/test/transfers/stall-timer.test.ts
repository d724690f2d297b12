import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { StallTimer } from "../../src/transfers/stall-timer.ts";

const never = new AbortController().signal;
const stallMilliseconds = 60_000;

/** Node's own mock of timers knows no `refresh`. */
class Clock {
  #now = 0;
  readonly #due = new Map<object, { at: number; readonly callback: () => void }>();

  readonly set = (callback: () => void, milliseconds: number) => {
    const timer = {
      refresh: () => {
        this.#due.set(timer, { at: this.#now + milliseconds, callback });
        return timer;
      },
    };
    return timer.refresh();
  };

  readonly clear = (timer: object): void => {
    this.#due.delete(timer);
  };

  tick(milliseconds: number): void {
    this.#now += milliseconds;
    for (const [timer, { at, callback }] of this.#due) {
      if (at <= this.#now) {
        this.#due.delete(timer);
        callback();
      }
    }
  }
}

let clock: Clock;
beforeEach(() => {
  clock = new Clock();
  mock.method(globalThis, "setTimeout", clock.set as never);
  mock.method(globalThis, "clearTimeout", clock.clear as never);
});
afterEach(() => mock.restoreAll());

test("a connection is given up when nothing has come for a minute, and the error says so", () => {
  const stall = new StallTimer(never);
  stall.start();
  clock.tick(stallMilliseconds - 1);
  assert.equal(stall.signal.aborted, false);
  clock.tick(1);
  assert.equal(stall.signal.aborted, true);
  assert.match(stall.reasonFor(new Error("aborted")).message, /^Nothing came for 60000 ms$/);
});

test("each piece that comes gives it another minute", () => {
  const stall = new StallTimer(never);
  for (let piece = 0; piece < 10; piece += 1) {
    stall.start();
    clock.tick(stallMilliseconds - 1);
  }
  assert.equal(stall.signal.aborted, false);
});

test("bytes that wait for bandwidth, however long, are no stall", () => {
  const stall = new StallTimer(never);
  stall.start();
  stall.pause();
  clock.tick(100 * stallMilliseconds);
  assert.equal(stall.signal.aborted, false);
  stall.start();
  clock.tick(stallMilliseconds);
  assert.equal(stall.signal.aborted, true);
});

test("another's abort is passed on, and the error stays what it was", () => {
  const stop = new AbortController();
  const stall = new StallTimer(stop.signal);
  stall.start();
  stop.abort(new Error("interrupted"));
  const error = new Error("reset");
  assert.equal(stall.signal.reason, stop.signal.reason);
  assert.equal(stall.reasonFor(error), error);
});
