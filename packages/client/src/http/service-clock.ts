/**
 * A clock that is set for another time zone is at most 14 hours off. A signature for a later time could be used by who got it when
 * that time has come.
 */
const offsetMillisecondsMax = 24 * 3_600_000;

/** The system's clock, put right by the service's when that has refused a signature for its time. */
export class ServiceClock {
  #offsetMilliseconds = 0;

  now(): Date {
    return new Date(Date.now() + this.#offsetMilliseconds);
  }

  /** Follows the time that a response was made at, from now on. Returns false, and does not, when that cannot be believed. */
  follow(date: Date): boolean {
    const offsetMilliseconds = date.getTime() - Date.now();
    if (Math.abs(offsetMilliseconds) > offsetMillisecondsMax) {
      return false;
    }
    this.#offsetMilliseconds = offsetMilliseconds;
    return true;
  }
}
