/** The lowest rate, however often the service throttles. */
const perSecondMin = 0.5;

/**
 * Limits the rate of an operation's requests. There is no limit until the service throttles one; then the rate is halved, and from there on
 * grows by one request a second each second. Times are milliseconds of a monotonic clock.
 */
export class Pace {
  #perSecond = Number.POSITIVE_INFINITY;
  #nextAt = 0;
  #cutAt = Number.NEGATIVE_INFINITY;
  /** Approximately the recent rate: the number of requests, of which those of a second ago count a third. */
  #recent = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  /** Returns the milliseconds until the next request may be sent; 0 or less when it may be sent now. */
  wait(now: number): number {
    return this.#nextAt - now;
  }

  /** Records that a request is sent now. */
  take(now: number): void {
    this.#nextAt = Math.max(now, this.#nextAt) + 1000 / this.#perSecond;
    this.#recent = this.#recent * Math.exp((this.#sentAt - now) / 1000) + 1;
    this.#sentAt = now;
  }

  /** Records that a request was throttled. Several that were sent at the same time halve the rate once. */
  throttled(sentAt: number, now: number): void {
    if (sentAt >= this.#cutAt) {
      this.#perSecond = Math.max(perSecondMin, Math.min(this.#perSecond, this.#recent) / 2);
      this.#nextAt = Math.max(this.#nextAt, now + 1000 / this.#perSecond);
      this.#cutAt = now;
    }
  }

  /** Records that a request was served. */
  served(): void {
    this.#perSecond += 1 / Math.max(1, this.#perSecond);
  }
}
