import type { Pace } from "./pace.ts";
import { orAborted } from "./retry.ts";

export interface Timers {
  /** Returns milliseconds of a monotonic clock. */
  now(): number;
  /** Returns a function that cancels the call. */
  callIn(milliseconds: number, call: () => void): () => void;
}

const systemTimers: Timers = {
  now: () => performance.now(),
  callIn(milliseconds, call) {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};

/**
 * Lets callers of one operation send in order, at the rate that the service accepts. A turn counts when it begins: callers that are aborted
 * while they wait leave no gap, and the others profit at once from a higher rate.
 */
export class TurnQueue {
  readonly pace: Pace;
  readonly #timers: Timers;
  readonly #waiting = new Set<() => void>();
  #cancelCall: (() => void) | null = null;

  constructor(pace: Pace, timers: Timers = systemTimers) {
    this.pace = pace;
    this.#timers = timers;
  }

  /** Resolves when the caller may send. Rejects with the signal's reason; no turn is used then. */
  async next(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const now = this.#timers.now();
    if (this.#waiting.size === 0 && this.pace.wait(now) <= 0) {
      this.pace.take(now);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    this.#schedule(now);
    try {
      await orAborted(promise, signal);
    } finally {
      this.#waiting.delete(resolve);
      if (this.#waiting.size === 0) {
        this.#cancelCall?.();
        this.#cancelCall = null;
      }
    }
  }

  #schedule(now: number): void {
    this.#cancelCall ??= this.#timers.callIn(Math.max(0, this.pace.wait(now)), () => {
      this.#cancelCall = null;
      this.#serve();
    });
  }

  #serve(): void {
    const now = this.#timers.now();
    for (const begin of this.#waiting) {
      if (this.pace.wait(now) > 0) {
        break;
      }
      this.pace.take(now);
      this.#waiting.delete(begin);
      begin();
    }
    if (this.#waiting.size > 0) {
      this.#schedule(now);
    }
  }
}
