import type { VaultNotifications } from "../notifications/vault-notifications.ts";
import type { Instant } from "../time/instant.ts";
import type { PermittedVault } from "../vaults/permission.ts";
import type { VaultTags } from "../vaults/vault-tags.ts";

/**
 * Changes of what its owner sets on a vault; the vault's row shows them. Each throws ResourceNotFoundException when the
 * vault is gone, and VaultChangedError. One that changes nothing leaves the vault's version as it is.
 */
export interface VaultSettingsChanges {
  /** Throws when `withTags` does. */
  addTags(change: PermittedVault & { tags: VaultTags }): Promise<void>;
  /** Keys that are not there are passed over. */
  removeTags(change: PermittedVault & { keys: readonly string[] }): Promise<void>;
  /** Null takes them away. */
  setNotifications(change: PermittedVault & { notifications: VaultNotifications | null }): Promise<void>;
  /** @param policy a document that was found good; null takes it away. */
  setAccessPolicy(change: PermittedVault & { policy: string | null }): Promise<void>;
  /** Throws when `initiateLock` does. */
  initiateLock(change: PermittedVault & { lockId: string; policy: string; now: Instant }): Promise<void>;
  /** Throws when `completeLock` does. */
  completeLock(change: PermittedVault & { lockId: string; now: Instant }): Promise<void>;
  /** Throws when `assertAbortable` does. */
  abortLock(change: PermittedVault): Promise<void>;
  /** Drops up to `limit` locks in progress whose time has passed; never a complete one. */
  expireLocks(at: { now: Instant; limit: number }): Promise<number>;
}
