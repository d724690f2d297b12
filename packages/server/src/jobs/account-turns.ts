import type { AccountId } from "@moraine/protocol";
import type { AccountTurn } from "../domain/jobs/account-turn.ts";

/** Remembers which account had the last turn, and how many claims each account holds. */
export class AccountTurns {
  readonly #perAccountMax: number;
  readonly #held = new Map<AccountId, number>();
  #last: AccountId | null = null;

  constructor(perAccountMax: number) {
    this.#perAccountMax = perAccountMax;
  }

  next(): Pick<AccountTurn, "after" | "perAccountMax" | "held"> {
    return { after: this.#last, perAccountMax: this.#perAccountMax, held: Object.fromEntries(this.#held) };
  }

  claimed(accountId: AccountId): void {
    this.#last = accountId;
    this.#held.set(accountId, (this.#held.get(accountId) ?? 0) + 1);
  }

  ended(accountId: AccountId): void {
    const count = (this.#held.get(accountId) ?? 0) - 1;
    if (count > 0) {
      this.#held.set(accountId, count);
    } else {
      this.#held.delete(accountId);
    }
  }

  /** Whether an account holds all that it may. It wants no turn before one of its claims has ended, which wakes the loop. */
  someoneHoldsAll(): boolean {
    return [...this.#held.values()].some((count) => count >= this.#perAccountMax);
  }
}
