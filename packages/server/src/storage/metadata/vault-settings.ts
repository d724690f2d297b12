import type { Instant } from "../../domain/instant.ts";
import { assertAbortable, completeLock, initiateLock, type VaultLock } from "../../domain/vault-lock.ts";
import type { SettingOf } from "../../domain/vault-settings-store.ts";
import { type VaultTags, withoutTags, withTags } from "../../domain/vault-tags.ts";
import type { Changes } from "./methods.ts";
import { literal, rowsChanged } from "./prepared.ts";
import type { Database } from "./schema.ts";
import { requireVault } from "./vault-contents.ts";
import { lockColumns, notificationColumns } from "./vault-rows.ts";

export const vaultSettingsChanges = {
  async addTags(db, { tags, ...at }) {
    const vault = await requireVault(db, at);
    await storeTags(db, at, withTags(vault.tags, tags));
  },

  async removeTags(db, { keys, ...at }) {
    const vault = await requireVault(db, at);
    await storeTags(db, at, withoutTags(vault.tags, keys));
  },

  async setNotifications(db, { notifications, ...at }) {
    await requireVault(db, at);
    await updateNotifications(db, { vaultId: at.vaultId, ...notificationColumns(notifications) });
  },

  async setAccessPolicy(db, { policy, ...at }) {
    await requireVault(db, at);
    await updateAccessPolicy(db, { vaultId: at.vaultId, policy });
  },

  async initiateLock(db, { lockId, policy, now, ...at }) {
    const { lock, vaultName } = await requireVault(db, at);
    await storeLock(db, at, initiateLock(lock, { lockId, policy, vaultName, now }));
  },

  async completeLock(db, { lockId, now, ...at }) {
    const { lock, vaultName } = await requireVault(db, at);
    await storeLock(db, at, completeLock(lock, { lockId, vaultName, now }));
  },

  async abortLock(db, at) {
    const { lock, vaultName } = await requireVault(db, at);
    assertAbortable(lock, vaultName);
    await storeLock(db, at, null);
  },

  expireLocks(db, at) {
    return dropExpiredLocks(db, at);
  },
} satisfies Partial<Changes>;

async function storeTags(db: Database, { vaultId }: SettingOf, tags: VaultTags): Promise<void> {
  await updateTags(db, { vaultId, tags: JSON.stringify(tags) });
}

async function storeLock(db: Database, { vaultId }: SettingOf, lock: VaultLock | null): Promise<void> {
  await updateLock(db, { vaultId, ...lockColumns(lock) });
}

const updateTags = rowsChanged((db, change: { vaultId: string; tags: string }) =>
  db.updateTable("vaults").set({ tags: change.tags }).where("id", "=", change.vaultId),
);

const updateNotifications = rowsChanged((db, change: { vaultId: string } & ReturnType<typeof notificationColumns>) =>
  db
    .updateTable("vaults")
    .set({ notification_topic: change.notification_topic, notification_events: change.notification_events })
    .where("id", "=", change.vaultId),
);

const updateAccessPolicy = rowsChanged((db, change: { vaultId: string; policy: string | null }) =>
  db.updateTable("vaults").set({ access_policy: change.policy }).where("id", "=", change.vaultId),
);

const updateLock = rowsChanged((db, change: { vaultId: string } & ReturnType<typeof lockColumns>) =>
  db
    .updateTable("vaults")
    .set({
      lock_policy: change.lock_policy,
      lock_id: change.lock_id,
      lock_state: change.lock_state,
      lock_created_at: change.lock_created_at,
      lock_expires_at: change.lock_expires_at,
    })
    .where("id", "=", change.vaultId),
);

const dropExpiredLocks = rowsChanged((db, at: { now: Instant; limit: number }) =>
  db
    .updateTable("vaults")
    .set(lockColumns(null))
    // Both conditions say the same; a lock that is complete must never go.
    .where("lock_state", "=", literal("in_progress"))
    .where("id", "in", (eb) =>
      eb
        .selectFrom("vaults")
        .select("id")
        .where("lock_expires_at", "<=", at.now)
        .orderBy("lock_expires_at")
        .limit(at.limit),
    ),
);
