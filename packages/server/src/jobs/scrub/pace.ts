import { setImmediate } from "node:timers/promises";
import { sleep } from "../../clock/sleep.ts";

/** The work that the service does for its clients. */
export interface ServiceLoad {
  /** Requests that are being handled. */
  running(): number;
  /** Requests that have ended since the start. */
  ended(): number;
  /** Bytes that others wait to have hashed. */
  hashQueueBytes(): number;
}

/** Shares of the time in which the scrub works: while others do, and while nobody does. */
const busyShare = 0.05;
const idleShare = 0.5;
/** A client that sends one request after the other pauses between them. */
const busyMilliseconds = 1000;
const pauseMillisecondsMax = 10_000;

/** Has background work take turns of some milliseconds, with pauses in between that are long while the service is busy. */
export class Pace {
  readonly #load: ServiceLoad;
  #ended = 0;
  #busyUntil = Number.NEGATIVE_INFINITY;

  constructor(load: ServiceLoad) {
    this.#load = load;
  }

  /** Does one piece of work, and pauses in proportion to the time that it took. */
  async turn<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const began = performance.now();
    const result = await work();
    const share = this.#isBusy() ? busyShare : idleShare;
    const pause = (performance.now() - began) * (1 / share - 1);
    // Timers count whole milliseconds.
    await (pause < 1 ? setImmediate() : sleep(Math.min(pause, pauseMillisecondsMax), signal));
    return result;
  }

  #isBusy(): boolean {
    const { running, ended, hashQueueBytes } = this.#load;
    const now = performance.now();
    if (running() > 0 || ended() !== this.#ended || hashQueueBytes() > 0) {
      this.#ended = ended();
      this.#busyUntil = now + busyMilliseconds;
    }
    return now < this.#busyUntil;
  }
}
