import { millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";

const pauseMilliseconds = millisecondsPer.minute;

/** Writes at most one line a minute however much a full disk refuses, without stacks. */
export class FullDiskLog {
  readonly #log: Logger;
  readonly #state: () => string | null;
  readonly #now: () => number;
  #refusals = 0;
  #nextAt = Number.NEGATIVE_INFINITY;

  /**
   * @param state what is full, and when it passes; null when the disk has room for smaller archives.
   * @param now milliseconds of a monotonic clock.
   */
  constructor(log: Logger, state: () => string | null, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#state = state;
    this.#now = now;
  }

  /**
   * Notes that something was refused for lack of room, or since a store is away.
   * @param reason what is logged while the state is null.
   */
  refused(what: string, details: object = {}, reason = "no room on the disk"): void {
    this.#refusals += 1;
    if (this.#now() < this.#nextAt) {
      return;
    }
    this.#nextAt = this.#now() + pauseMilliseconds;
    const state = this.#state() ?? reason;
    this.#log.error({ ...details, refused: what, refusals: this.#refusals }, state);
    this.#refusals = 0;
  }
}
