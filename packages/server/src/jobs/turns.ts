import type { AccountId } from "@moraine/protocol";

/** Lets a number of pieces of work run at once. Accounts whose work waits take turns, each with its own work in order. */
export class Turns {
  readonly #atOnceMax: number;
  #running = 0;
  /** The account that waits for its next turn the longest comes first. */
  readonly #waiting = new Map<AccountId, Array<() => void>>();

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  async run<Result>(accountId: AccountId, work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#atOnceMax) {
      this.#running += 1;
    } else {
      await this.#wait(accountId);
    }
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #wait(accountId: AccountId): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(accountId);
      if (queue === undefined) {
        this.#waiting.set(accountId, [resolve]);
      } else {
        queue.push(resolve);
      }
    });
  }

  /** Gives the turn that has ended to the next account, and lets that wait behind all others. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    const [accountId, [start, ...others]] = next;
    this.#waiting.delete(accountId);
    if (others.length > 0) {
      this.#waiting.set(accountId, others);
    }
    start?.();
  }
}
