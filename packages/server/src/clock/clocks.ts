import type { Clock } from "../domain/time/clock.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { TrustedClock } from "../domain/time/trusted-clock.ts";
import { sleep } from "./sleep.ts";

/** A clock that is set forward during a sleep is noticed after this long. */
const lookAgainMilliseconds = 5000;

export const systemNow = (): Date => new Date();

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleepUntil(time, signal) {
    const until = performance.now() + (time - Date.now());
    const left = () => Math.min(time - Date.now(), until - performance.now());
    for (let remaining = left(); remaining > 0 && !signal.aborted; remaining = left()) {
      await sleep(Math.min(remaining, lookAgainMilliseconds), signal);
    }
  },
};

/**
 * The clock, but never before trusted time: when the clock is set back, what was due stays due, and what is recorded is not old
 * when the clock is right again.
 */
export function notBeforeTrusted(clock: Clock, trustedClock: TrustedClock): Clock {
  const now = () => Math.max(clock.now(), trustedClock.policyNow());
  return { now, sleepUntil: (time, signal) => clock.sleepUntil(clock.now() + (time - now()), signal) };
}

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
