/** A transfer survives outages of this length, unless its client was made with another `retryForMilliseconds`. */
export const transferRetryMilliseconds = 30 * 60_000;

/** The time that may pass without success or progress. Counts from the first failure, unless it is restarted. */
export class RetryBudget {
  #failingSince: number | null = null;

  /** Counts from now on: something has been achieved, or is tried for the first time. */
  restart(now = performance.now()): void {
    this.#failingSince = now;
  }

  /**
   * Returns the pause before the next attempt, in milliseconds: the wanted one, cut so that the last attempt uses the end of the
   * budget. Returns null when the time is used up, or would be during the pause that the service asked for.
   *
   * @param now milliseconds of a clock that never goes back.
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
