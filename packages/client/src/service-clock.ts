/** The system's clock, put right by the service's when that has refused a signature for its time. */
export class ServiceClock {
  #offsetMilliseconds = 0;

  now(): Date {
    return new Date(Date.now() + this.#offsetMilliseconds);
  }

  /** Follows the time that an answer was made at, from now on. */
  follow(date: Date): void {
    this.#offsetMilliseconds = date.getTime() - Date.now();
  }
}
