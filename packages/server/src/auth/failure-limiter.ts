import { errors } from "@moraine/protocol";

export interface FailureLimits {
  /** Failures at once that are still answered in full. */
  readonly burst: number;
  /** So many are forgotten each second. */
  readonly perSecond: number;
}

/** Of pairs that failed lately; the ones that failed longest ago make room. */
const pairsMax = 10_000;

/**
 * Who keeps failing is refused before anything is looked up or computed. Counted for a key id and a client's address
 * together: a stranger who guesses at somebody's key does not keep its owner out.
 */
export class FailureLimiter {
  readonly #limits: FailureLimits;
  readonly #failures = new Map<string, { count: number; at: number }>();

  constructor(limits: FailureLimits) {
    this.#limits = limits;
  }

  /** Throws ThrottlingException. */
  assertAllowed(accessKeyId: string, address: string): void {
    // Half a failure has not happened: what decayed to less than one below the bound lets the next request through.
    if (this.#count(pairOf(accessKeyId, address)) > this.#limits.burst - 1) {
      throw errors.throttled();
    }
  }

  failed(accessKeyId: string, address: string): void {
    const pair = pairOf(accessKeyId, address);
    const count = this.#count(pair) + 1;
    // Again at the end, so that the first one is always the one that failed longest ago.
    this.#failures.delete(pair);
    this.#failures.set(pair, { count, at: performance.now() });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > pairsMax && oldest !== undefined) {
      this.#failures.delete(oldest);
    }
  }

  #count(pair: string): number {
    const known = this.#failures.get(pair);
    if (known === undefined) {
      return 0;
    }
    const seconds = (performance.now() - known.at) / 1000;
    return Math.max(0, known.count - seconds * this.#limits.perSecond);
  }
}

/** A key id is as long as its sender likes. */
const pairOf = (accessKeyId: string, address: string): string => `${address} ${accessKeyId.slice(0, 128)}`;
