import type { Clock } from "./domain/clock.ts";
import type { Instant } from "./domain/instant.ts";

/** Timers cannot wait for more than some 24 days, so long sleeps are taken in turns. */
const sleepMillisecondsMax = 24 * 60 * 60 * 1000;

export const systemNow = (): Date => new Date();

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleepUntil(time, signal) {
    for (let left = time - Date.now(); left > 0 && !signal.aborted; left = time - Date.now()) {
      await sleep(Math.min(left, sleepMillisecondsMax), signal);
    }
  },
};

/** Stands still until it is moved. */
export class ManualClock implements Clock {
  #now: Instant;
  readonly #sleepers = new Set<{ readonly time: Instant; wake(): void }>();

  constructor(now: Instant) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  /** Wakes whoever slept until then, in no particular order. A clock does not go backwards: throws RangeError. */
  advance(milliseconds: number): void {
    if (milliseconds < 0) {
      throw new RangeError("A clock does not go backwards");
    }
    this.#now += milliseconds;
    for (const sleeper of this.#sleepers) {
      if (sleeper.time <= this.#now) {
        sleeper.wake();
      }
    }
  }

  async sleepUntil(time: Instant, signal: AbortSignal): Promise<void> {
    if (time <= this.#now || signal.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const sleeper = {
        time,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", sleeper.wake);
    });
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
