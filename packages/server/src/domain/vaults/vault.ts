import { type AccountId, errors, limits, vaultArn } from "@moraine/protocol";
import type { VaultNotifications } from "../notifications/vault-notifications.ts";
import type { Instant } from "../time/instant.ts";
import type { VaultLock } from "./vault-lock.ts";
import type { VaultTags } from "./vault-tags.ts";

/** Accounts have everything apart in each region. */
export interface AccountKey {
  readonly accountId: AccountId;
  readonly region: string;
}

/** The account, region and name by which a request names a vault. The name is as the client sent it and may be impossible. */
export interface VaultKey extends AccountKey {
  readonly vaultName: string;
}

export interface Vault extends VaultKey {
  readonly id: string;
  readonly createdAt: Instant;
  /** Archives now, and the sum of their sizes without overhead. */
  readonly archiveCount: number;
  readonly archiveBytes: number;
  /** Grows by one with every archive that is made or deleted. */
  readonly revision: number;
  /** Grows with every change of what policies judge by: the tags, the access policy and the lock. */
  readonly accessVersion: number;
  /** The last inventory; null before the first. */
  readonly inventory: InventorySnapshot | null;
  /** The policy document as it was given; null when there is none. */
  readonly accessPolicy: string | null;
  /** As its row says: ask `lockInForce` whether it holds. Null when there is none. */
  readonly lock: VaultLock | null;
  readonly notifications: VaultNotifications | null;
  readonly tags: VaultTags;
}

/** The contents of a vault as of one revision. The list itself is not copied: archives know the revisions they lived in. */
export interface InventorySnapshot {
  readonly takenAt: Instant;
  readonly revision: number;
  readonly archiveCount: number;
  readonly archiveBytes: number;
  /** Sum of the digests of the archives' rows, which the list must have. */
  readonly archiveSum: string;
}

/** `practical` goes by the vault's current state; `aws` by its last inventory, as Glacier does: docs/wire.md#profiles */
export type Profile = "practical" | "aws";

export const arnOf = (key: VaultKey): string => vaultArn(key.region, key.accountId, key.vaultName);

/** NumberOfArchives and SizeInBytes: the size counts an overhead for each archive, as Glacier's own examples do. */
export function vaultCounters(vault: Vault, profile: Profile): { archiveCount: number; sizeBytes: number } {
  const nothing = { archiveCount: 0, archiveBytes: 0 };
  const seen = profile === "practical" ? vault : (vault.inventory ?? nothing);
  return {
    archiveCount: seen.archiveCount,
    sizeBytes: seen.archiveBytes + seen.archiveCount * limits.archiveOverheadBytes,
  };
}

/** Throws InvalidParameterValueException unless the vault may be deleted: docs/wire.md#vaults */
export function assertDeletable(vault: Vault, profile: Profile): void {
  // Both conditions are judged in both profiles: an inventory that lags must never let live archives go.
  const refused = vault.archiveCount > 0 || (profile === "aws" && writtenSinceInventory(vault));
  if (refused) {
    throw errors.vaultNotEmpty(arnOf(vault));
  }
}

export function writtenSinceInventory(vault: Vault): boolean {
  return vault.revision !== (vault.inventory?.revision ?? 0);
}
