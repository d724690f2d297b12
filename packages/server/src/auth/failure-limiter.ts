import { errors, GlacierError } from "@moraine/protocol";
import { clientNetwork } from "../domain/client-network.ts";

export interface FailureLimits {
  /** Failures at once that still get their full response. */
  readonly burst: number;
  /** Failures that are forgotten each second. */
  readonly perSecond: number;
}

/** One request, from the time when its key is known until its signature is. */
export interface Attempt extends Disposable {
  /** Whether a failure would get ThrottlingException. */
  readonly isThrottled: boolean;
  /** Returns the error to respond with: the one given, or ThrottlingException for a client that keeps failing. */
  failed(error: unknown): unknown;
  /** Ends the attempt, unless it has failed before: nothing is counted. */
  [Symbol.dispose](): void;
}

interface Failures {
  /** As of `at`; at most the burst, so that the last of many failures is forgotten as fast as that of a few. */
  count: number;
  at: number;
  /** Attempts whose outcome is not known yet. */
  inFlight: number;
}

/** Pairs of key id and address that are remembered; the ones that failed longest ago make room. */
const pairsMax = 10_000;

const guesses: ReadonlySet<string> = new Set([
  "UnrecognizedClientException",
  "ExpiredTokenException",
  "InvalidSignatureException",
]);

/**
 * Throttles clients that keep failing: they get no more details. Failures are counted for a key id and a
 * client's network together, and with those that are still to come of attempts in flight. A correct signature is
 * never refused: many clients may share an address, and one of them must not be able to lock the others out.
 */
export class FailureLimiter {
  readonly #limits: FailureLimits;
  readonly #failures = new Map<string, Failures>();

  constructor(limits: FailureLimits) {
    this.#limits = limits;
  }

  begin(accessKeyId: string, address: string): Attempt {
    const pair = pairOf(accessKeyId, address);
    const failures = this.#failures.get(pair) ?? { count: 0, at: 0, inFlight: 0 };
    // Half a failure has not happened: a count that decayed to less than one below the bound lets the next failure get its response.
    const isThrottled = this.#countOf(failures) + failures.inFlight > this.#limits.burst - 1;
    failures.inFlight += 1;
    this.#remember(pair, failures);
    let hasEnded = false;
    const end = (count: number) => {
      if (!hasEnded) {
        hasEnded = true;
        failures.inFlight -= 1;
        this.#settle(pair, failures, count);
      }
    };
    return {
      isThrottled,
      failed: (error) => {
        const isGuess = error instanceof GlacierError && guesses.has(error.code);
        end(isGuess ? 1 : 0);
        return isGuess && isThrottled ? errors.throttled() : error;
      },
      [Symbol.dispose]: () => end(0),
    };
  }

  #settle(pair: string, failures: Failures, count: number): void {
    if (count > 0) {
      failures.count = Math.min(this.#limits.burst, this.#countOf(failures) + count);
      failures.at = performance.now();
      // Again at the end, so that the first one is always the one that failed longest ago.
      this.#failures.delete(pair);
      this.#remember(pair, failures);
    } else if (failures.count === 0 && failures.inFlight === 0) {
      this.#failures.delete(pair);
    }
  }

  #remember(pair: string, failures: Failures): void {
    this.#failures.set(pair, failures);
    const [oldest] = this.#failures.size > pairsMax ? this.#failures.keys() : [];
    if (oldest !== undefined) {
      this.#failures.delete(oldest);
    }
  }

  #countOf({ count, at }: Failures): number {
    const seconds = (performance.now() - at) / 1000;
    return Math.max(0, count - seconds * this.#limits.perSecond);
  }
}

/** A key id is as long as its sender likes. */
const pairOf = (accessKeyId: string, address: string): string =>
  `${clientNetwork(address)} ${accessKeyId.slice(0, 128)}`;
