/** The lowest rate, however often the service throttles. */
const perSecondMin = 0.5;
/** The share of the rate that a throttled request leaves. */
const share = 0.7;
/** Growth in requests a second, by the cube of the seconds. A low rate grows in proportion to itself. */
const growth = { most: 0.4, share: 0.02 };

/** A rate counts as used while no more than this is between two requests. */
const usedMilliseconds = 1000;

/**
 * Limits the rate of an operation's requests. There is no limit until the service throttles one. Then the rate falls, returns within
 * seconds to the one that was too much, stays near it, and after that looks for a higher one: the curve of CUBIC (RFC 9438), as in AWS's own
 * SDKs. Times are milliseconds of a monotonic clock.
 */
export class Pace {
  #perSecond = Number.POSITIVE_INFINITY;
  #nextAt = 0;
  #cutAt = Number.NEGATIVE_INFINITY;
  /** The rate that was too much. */
  #refusedPerSecond = Number.POSITIVE_INFINITY;
  /** Where the curve begins: later than the cut by the time in which nothing was sent. */
  #curveAt = 0;
  /** Approximately the recent rate: the number of requests, of which those of a second ago count a third. */
  #recent = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  /** Returns the milliseconds until the next request may be sent; 0 or less when it may be sent now. */
  wait(now: number): number {
    return this.#nextAt - now;
  }

  /** Records that a request is sent now. */
  take(now: number): void {
    if (this.#refusedPerSecond !== Number.POSITIVE_INFINITY) {
      this.#curveAt += Math.max(0, now - this.#sentAt - Math.max(usedMilliseconds, 2000 / this.#perSecond));
    }
    this.#nextAt = Math.max(now, this.#nextAt) + 1000 / this.#perSecond;
    this.#recent = this.#recent * Math.exp((this.#sentAt - now) / 1000) + 1;
    this.#sentAt = now;
  }

  /** Records that a request was throttled. Several that were sent at the same time lower the rate once. */
  throttled(sentAt: number, now: number): void {
    if (sentAt >= this.#cutAt) {
      this.#refusedPerSecond = Math.max(perSecondMin, Math.min(this.#perSecond, this.#recent));
      this.#perSecond = Math.max(perSecondMin, this.#refusedPerSecond * share);
      this.#nextAt = Math.max(this.#nextAt, now + 1000 / this.#perSecond);
      this.#cutAt = now;
      this.#curveAt = now;
    }
  }

  /** Records that a request was served. A rate that is not used does not grow. */
  served(now: number): void {
    if (this.#refusedPerSecond === Number.POSITIVE_INFINITY) {
      return;
    }
    const factor = Math.min(growth.most, growth.share * this.#refusedPerSecond);
    const returnSeconds = Math.cbrt((this.#refusedPerSecond * (1 - share)) / factor);
    const perSecond = this.#refusedPerSecond + factor * ((now - this.#curveAt) / 1000 - returnSeconds) ** 3;
    this.#perSecond = Math.max(this.#perSecond, Math.min(perSecond, 2 * this.#recent));
  }
}
