import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../src/http/pace.ts";
import { TurnQueue } from "../src/http/turn-queue.ts";

/** A clock that a test moves; calls that are due happen in order. */
class Clock {
  time = 0;
  #calls: { readonly at: number; readonly call: () => void }[] = [];

  now = () => this.time;

  callIn = (milliseconds: number, call: () => void) => {
    const entry = { at: this.time + milliseconds, call };
    this.#calls.push(entry);
    return () => {
      this.#calls = this.#calls.filter((each) => each !== entry);
    };
  };

  get pendingCalls(): number {
    return this.#calls.length;
  }

  /** Moves to the next call that is due before the end, until there is none. */
  async moveTo(end: number): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      const next = this.#calls.toSorted((one, other) => one.at - other.at)[0];
      if (next === undefined || next.at > end) {
        break;
      }
      this.#calls = this.#calls.filter((each) => each !== next);
      this.time = next.at;
      next.call();
    }
    this.time = end;
  }
}

/** A queue of a service that has throttled: a turn every two seconds. */
function slowQueue() {
  const clock = new Clock();
  const pace = new Pace();
  pace.take(0);
  for (let cut = 0; cut < 10; cut += 1) {
    pace.throttled(cut, cut);
  }
  clock.time = 10;
  return { clock, pace, queue: new TurnQueue(pace, clock) };
}

test("callers that were aborted while they waited keep no turns", async () => {
  const { clock, queue } = slowQueue();
  const stop = new AbortController();
  const aborted = Array.from({ length: 99 }, () => queue.next(stop.signal));
  let hasTurn = false;
  const last = queue.next(undefined).then(() => {
    hasTurn = true;
  });
  stop.abort(new Error("enough"));
  await Promise.all(aborted.map((turn) => assert.rejects(turn, /enough/)));
  await clock.moveTo(2010);
  assert.equal(hasTurn, true, "it waits for the turns of 99 callers that are gone");
  await last;
});

test("turns are given in the order in which they were asked for", async () => {
  const { clock, queue } = slowQueue();
  const order: number[] = [];
  const turns = [0, 1, 2, 3].map((caller) => queue.next(undefined).then(() => order.push(caller)));
  await clock.moveTo(10_000);
  await Promise.all(turns);
  assert.deepEqual(order, [0, 1, 2, 3]);
});

test("callers that wait already profit from a pace that rises", async () => {
  const { clock, pace, queue } = slowQueue();
  let served = 0;
  const turns = Array.from({ length: 100 }, () =>
    queue.next(undefined).then(() => {
      served += 1;
      pace.served(clock.time);
    }),
  );
  // A turn every two seconds, as at the beginning, would be at 10.
  await clock.moveTo(20_000);
  assert.equal(served, 100);
  await Promise.all(turns);
});

test("a queue without callers leaves no timer", async () => {
  const { clock, queue } = slowQueue();
  const stop = new AbortController();
  const turn = queue.next(stop.signal);
  assert.equal(clock.pendingCalls, 1);
  stop.abort(new Error("enough"));
  await assert.rejects(turn, /enough/);
  assert.equal(clock.pendingCalls, 0);
});

test("a caller that is aborted already has no turn", async () => {
  const { queue } = slowQueue();
  await assert.rejects(queue.next(AbortSignal.abort(new Error("before"))), /before/);
});
