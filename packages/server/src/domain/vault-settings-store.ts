import type { Instant } from "./instant.ts";
import type { VaultKey } from "./vault.ts";
import type { VaultNotifications } from "./vault-notifications.ts";
import type { VaultTags } from "./vault-tags.ts";

/**
 * Changes of what its owner sets on a vault; the vault's row shows them. Each throws ResourceNotFoundException when the
 * vault has gone, for which message alone it is told the vault's name.
 */
export interface VaultSettingsChanges {
  /** Throws when `withTags` does. */
  addTags(change: SettingOf & { tags: VaultTags }): Promise<void>;
  /** Keys that are not there are passed over. */
  removeTags(change: SettingOf & { keys: readonly string[] }): Promise<void>;
  /** Null takes them away. */
  setNotifications(change: SettingOf & { notifications: VaultNotifications | null }): Promise<void>;
  /** @param policy a document that was found good; null takes it away. */
  setAccessPolicy(change: SettingOf & { policy: string | null }): Promise<void>;
  /** Throws when `initiateLock` does. */
  initiateLock(change: SettingOf & { lockId: string; policy: string; now: Instant }): Promise<void>;
  /** Throws when `completeLock` does. */
  completeLock(change: SettingOf & { lockId: string; now: Instant }): Promise<void>;
  /** Throws when `assertAbortable` does. */
  abortLock(change: SettingOf): Promise<void>;
  /** Drops up to `limit` locks in progress whose time has passed; never a complete one. */
  expireLocks(at: { now: Instant; limit: number }): Promise<number>;
}

export interface SettingOf {
  readonly vaultId: string;
  readonly vault: VaultKey;
}
