import { type AccountId, errors } from "@moraine/protocol";
import type { PolicyMeter } from "../domain/policy/policy-meter.ts";

export interface MeterLimits {
  /** Share of the main thread's time that one account may have. */
  readonly share: number;
  /** Time that an account may use at once after a pause. */
  readonly burstMilliseconds: number;
  /** Requests of an account that may wait. */
  readonly waitingMax: number;
}

const defaultLimits: MeterLimits = { share: 0.1, burstMilliseconds: 50, waitingMax: 256 };

/** Accounts that are kept before those that owe nothing are dropped. */
const accountsMax = 1000;

interface Account {
  /** When all that was done is paid for, by the monotonic clock. */
  paidAt: number;
  waiting: number;
  /** Ends when the last of those that wait may continue. */
  last: Promise<void>;
}

/** An account that has had its share waits, one request at a time. */
export class PolicyMeters implements PolicyMeter {
  readonly #limits: MeterLimits;
  readonly #monotonic: () => number;
  readonly #accounts = new Map<AccountId, Account>();

  constructor(limits: MeterLimits = defaultLimits, monotonic: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#monotonic = monotonic;
  }

  /** Requests that wait, of all accounts. */
  get waitingCount(): number {
    return [...this.#accounts.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  admit(accountId: AccountId): Promise<void> | null {
    const account = this.#accounts.get(accountId);
    if (account === undefined || (account.waiting === 0 && this.#debt(account) <= 0)) {
      return null;
    }
    if (account.waiting >= this.#limits.waitingMax) {
      throw errors.throttled();
    }
    account.waiting += 1;
    account.last = account.last.then(() => this.#pay(account));
    return account.last;
  }

  charge(accountId: AccountId, milliseconds: number): void {
    const now = this.#monotonic();
    const account = this.#accounts.get(accountId) ?? { paidAt: now, waiting: 0, last: Promise.resolve() };
    account.paidAt = Math.max(account.paidAt, now) + milliseconds / this.#limits.share;
    this.#accounts.set(accountId, account);
    if (this.#accounts.size > accountsMax) {
      this.#forget(now);
    }
  }

  /** Milliseconds to wait until the account has no more than its burst to pay for. */
  #debt({ paidAt }: Account): number {
    const { burstMilliseconds, share } = this.#limits;
    return paidAt - this.#monotonic() - burstMilliseconds / share;
  }

  async #pay(account: Account): Promise<void> {
    // The request before has been charged by then.
    await new Promise((resolve) => setImmediate(resolve));
    const debt = this.#debt(account);
    if (debt > 0) {
      await new Promise((resolve) => setTimeout(resolve, debt));
    }
    account.waiting -= 1;
  }

  #forget(now: number): void {
    for (const [accountId, { paidAt, waiting }] of this.#accounts) {
      if (paidAt <= now && waiting === 0) {
        this.#accounts.delete(accountId);
      }
    }
  }
}
