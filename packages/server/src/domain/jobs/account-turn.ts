import type { AccountId } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

/** A request for work that waits. Accounts take turns: one piece of each, the earliest that is due, before the second of any. */
export interface AccountTurn {
  readonly now: Instant;
  readonly leaseUntil: Instant;
  readonly limit: number;
  /** The account that had the last turn; null is none. */
  readonly after: AccountId | null;
  /** How many pieces an account may hold at a time; `held` are those that it holds already. */
  readonly perAccountMax: number;
  readonly held: Readonly<Record<AccountId, number>>;
}
