import { setTimeout as sleep } from "node:timers/promises";

export interface StrangerLimits {
  /** Responses at once that are sent without delay. */
  readonly burst: number;
  /** Later ones are sent at this rate, evenly spaced. */
  readonly perSecond: number;
}

/** Bounds the networks that are remembered; the one that was seen longest ago makes room. */
const networksMax = 10_000;

/**
 * Delays responses to clients that have not proven who they are, once they ask for very many. A connection has one request
 * in progress, so this bounds how many of a client's requests can keep the server from the requests of others.
 */
export class StrangerPace {
  readonly #burstMilliseconds: number;
  readonly #spacingMilliseconds: number;
  /** When the next response would be due if all had been spaced evenly from the first on. */
  readonly #due = new Map<string, number>();

  constructor({ burst, perSecond }: StrangerLimits) {
    this.#spacingMilliseconds = 1000 / perSecond;
    this.#burstMilliseconds = burst * this.#spacingMilliseconds;
  }

  /** Resolves when the next response to the network may be sent, to whether it had to wait. */
  async wait(network: string): Promise<boolean> {
    const now = performance.now();
    const due = Math.max(now, this.#due.get(network) ?? now) + this.#spacingMilliseconds;
    this.#remember(network, due);
    const early = due - this.#burstMilliseconds - now;
    if (early <= 0) {
      return false;
    }
    await sleep(early);
    return true;
  }

  #remember(network: string, due: number): void {
    this.#due.delete(network);
    this.#due.set(network, due);
    const [oldest] = this.#due.size > networksMax ? this.#due.keys() : [];
    if (oldest !== undefined) {
      this.#due.delete(oldest);
    }
  }
}
