import type { CapacityUnit } from "../jobs/provisioned-capacity.ts";
import type { RetrievalPolicy } from "../jobs/retrieval-policy.ts";
import type { Instant } from "../time/instant.ts";
import type { AccountKey } from "../vaults/vault.ts";

/** The settings of an account in a region, and the capacity that it bought there. */
export interface AccountSettingsQueries {
  /** The default where none was set. */
  findRetrievalPolicy(account: AccountKey): Promise<RetrievalPolicy>;
  /** Those that have not expired by `now`, oldest first. */
  listCapacityUnits(at: { account: AccountKey; now: Instant }): Promise<CapacityUnit[]>;
}

export interface AccountSettingsChanges {
  setRetrievalPolicy(change: { account: AccountKey; policy: RetrievalPolicy }): Promise<void>;
  /** Adds a unit that begins now. Throws when `assertCapacityLeft` does. */
  addCapacityUnit(unit: { account: AccountKey; id: string; now: Instant }): Promise<void>;
}
