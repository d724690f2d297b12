import { type AccountId, errors } from "@moraine/protocol";
import type { PolicyMeter } from "../domain/policy-meter.ts";

export interface MeterLimits {
  readonly bytesPerSecond: number;
  /** What an account may have read at once after a pause. */
  readonly burstBytes: number;
  /** Whoever would have to wait longer is refused. */
  readonly waitMillisecondsMax: number;
}

/** Reading a policy of 20 KB takes up to 25 ms, so an account has at most about a twelfth of the time. */
const defaultLimits: MeterLimits = { bytesPerSecond: 64 * 1024, burstBytes: 256 * 1024, waitMillisecondsMax: 2000 };

/** Accounts whose balance is kept before those that are even again are dropped. */
const accountsMax = 1000;

/** A bucket for each account: what is read beyond the burst waits until the bucket has run dry enough. */
export class PolicyMeters implements PolicyMeter {
  readonly #limits: MeterLimits;
  readonly #monotonic: () => number;
  /** When the bucket of an account will be empty, by the monotonic clock. */
  readonly #emptyAt = new Map<AccountId, number>();

  constructor(limits: MeterLimits = defaultLimits, monotonic: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#monotonic = monotonic;
  }

  async admit(accountId: AccountId, sizeBytes: number): Promise<void> {
    const { bytesPerSecond, burstBytes, waitMillisecondsMax } = this.#limits;
    const now = this.#monotonic();
    const emptyAt = Math.max(this.#emptyAt.get(accountId) ?? 0, now) + (sizeBytes * 1000) / bytesPerSecond;
    const wait = emptyAt - now - (burstBytes * 1000) / bytesPerSecond;
    if (wait > waitMillisecondsMax) {
      throw errors.throttled();
    }
    this.#emptyAt.set(accountId, emptyAt);
    this.#forget(now);
    if (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    } else {
      // Others come in between two policies, even if one request needs many.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #forget(now: number): void {
    if (this.#emptyAt.size <= accountsMax) {
      return;
    }
    for (const [accountId, emptyAt] of this.#emptyAt) {
      if (emptyAt <= now) {
        this.#emptyAt.delete(accountId);
      }
    }
  }
}
