import { systemClock } from "../../../clock/clocks.ts";
import { sleep } from "../../../clock/sleep.ts";
import type { Clock } from "../../../domain/time/clock.ts";
import type { Instant } from "../../../domain/time/instant.ts";

/** A sleep ends early by no more than clocks differ in it. */
const lookAgainMilliseconds = 5000;

/**
 * The time of the database's clock, by which all nodes judge, whatever their own clocks say. It is asked with each transaction, and
 * counted on between them.
 */
export class DatabaseTime implements Clock {
  /** The database's time, less this process's monotonic time. */
  #offset = systemClock.now() - performance.now();

  #latest = Number.NEGATIVE_INFINITY;

  /** @param sentAt when the question was sent, by `performance.now()`; the database read its clock between that and now. */
  noted(databaseNow: Instant, sentAt: number): void {
    this.#offset = databaseNow - (sentAt + performance.now()) / 2;
  }

  now(): Instant {
    return Math.floor(performance.now() + this.#offset);
  }

  /** Like `now`, but never earlier than it was, also when the database's clock is set back. */
  latest(): Instant {
    this.#latest = Math.max(this.#latest, this.now());
    return this.#latest;
  }

  async sleepUntil(time: Instant, signal: AbortSignal): Promise<void> {
    for (let left = time - this.now(); left > 0 && !signal.aborted; left = time - this.now()) {
      await sleep(Math.min(left, lookAgainMilliseconds), signal);
    }
  }
}
