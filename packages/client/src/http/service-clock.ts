/**
 * A clock that is set for another time zone is at most 14 hours off. The limit is there because a signature for a later time could be
 * stolen and used at that time.
 */
const offsetMillisecondsMax = 24 * 3_600_000;

/** The system's clock, corrected by the service's once the service has refused a signature for its time. */
export class ServiceClock {
  #offsetMilliseconds = 0;

  now(): Date {
    return new Date(Date.now() + this.#offsetMilliseconds);
  }

  /** Follows the time of a response from now on. Returns false, and does not, when that time is implausible. */
  follow(date: Date): boolean {
    const offsetMilliseconds = date.getTime() - Date.now();
    if (Math.abs(offsetMilliseconds) > offsetMillisecondsMax) {
      return false;
    }
    this.#offsetMilliseconds = offsetMilliseconds;
    return true;
  }
}
