/** However often the service throttles, requests go on at this rate. */
const perSecondMin = 0.5;

/**
 * How fast one operation may be called: as fast as it likes until the service throttles it, then at half the rate it had, and
 * from there a request a second faster each second. Times are milliseconds of a clock that never goes back.
 */
export class Pace {
  #perSecond = Number.POSITIVE_INFINITY;
  #nextAt = 0;
  #cutAt = Number.NEGATIVE_INFINITY;
  /** Requests of late, those of a second ago counting a third; so it is about the rate. */
  #recent = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  /** Returns how long it is until the next request may be sent, in milliseconds; 0 or less when it may be sent now. */
  wait(now: number): number {
    return this.#nextAt - now;
  }

  /** A request is sent now. */
  take(now: number): void {
    this.#nextAt = Math.max(now, this.#nextAt) + 1000 / this.#perSecond;
    this.#recent = this.#recent * Math.exp((this.#sentAt - now) / 1000) + 1;
    this.#sentAt = now;
  }

  /** A request sent then was throttled. Many that were sent together slow down only once. */
  throttled(sentAt: number, now: number): void {
    if (sentAt >= this.#cutAt) {
      this.#perSecond = Math.max(perSecondMin, Math.min(this.#perSecond, this.#recent) / 2);
      this.#nextAt = Math.max(this.#nextAt, now + 1000 / this.#perSecond);
      this.#cutAt = now;
    }
  }

  /** A request was served. */
  served(): void {
    this.#perSecond += 1 / Math.max(1, this.#perSecond);
  }
}
