/** Outages that transfers outlast, unless their client was made with another `retryForMilliseconds`. */
export const transferRetryMilliseconds = 30 * 60_000;

/** Limits the time without success or progress. It counts from the first failure, unless it is restarted. */
export class RetryBudget {
  #failingSince: number | null = null;

  /** Counts from now on: there was progress, or the first attempt begins. */
  restart(now = performance.now()): void {
    this.#failingSince = now;
  }

  /**
   * Returns the milliseconds to wait before the next attempt: those wanted, but no more than are left, so that the last attempt is at the
   * end of the budget. Returns null when none are left, or fewer than the service asked for.
   *
   * @param now milliseconds of a monotonic clock.
   */
  pauseBeforeNext(
    { wantedMilliseconds, askedMilliseconds = 0 }: { wantedMilliseconds: number; askedMilliseconds?: number },
    limitMilliseconds: number,
    now = performance.now(),
  ): number | null {
    this.#failingSince ??= now;
    const leftMilliseconds = limitMilliseconds - (now - this.#failingSince);
    if (leftMilliseconds <= 0 || askedMilliseconds > leftMilliseconds) {
      return null;
    }
    return Math.min(leftMilliseconds, Math.max(wantedMilliseconds, askedMilliseconds));
  }
}
