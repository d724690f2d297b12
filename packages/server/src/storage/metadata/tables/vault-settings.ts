import type { AccountId } from "@moraine/protocol";
import { auditedVault, serviceFacts } from "../../../domain/audit.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Vault } from "../../../domain/vaults/vault.ts";
import { assertAbortable, completeLock, initiateLock, type VaultLock } from "../../../domain/vaults/vault-lock.ts";
import { type VaultTags, withoutTags, withTags } from "../../../domain/vaults/vault-tags.ts";
import type { Changes } from "../sqlite/methods.ts";
import { literal, manyRows, rowsChanged } from "../sqlite/prepared.ts";
import { appendEntry } from "./audit-chain.ts";
import type { Database } from "./schema.ts";
import { requirePermitted } from "./vault-contents.ts";
import { lockColumns, notificationColumns } from "./vault-rows.ts";

export const vaultSettingsChanges = {
  async addTags(db, { tags, ...at }) {
    const vault = await requirePermitted(db, at);
    await storeTags(db, vault, withTags(vault.tags, tags));
  },

  async removeTags(db, { keys, ...at }) {
    const vault = await requirePermitted(db, at);
    await storeTags(db, vault, withoutTags(vault.tags, keys));
  },

  async setNotifications(db, { notifications, ...at }) {
    await requirePermitted(db, at);
    await updateNotifications(db, { vaultId: at.vaultId, ...notificationColumns(notifications) });
  },

  async setAccessPolicy(db, { policy, ...at }) {
    const vault = await requirePermitted(db, at);
    if (policy !== vault.accessPolicy) {
      await updateAccessPolicy(db, { ...next(vault), policy });
    }
  },

  async initiateLock(db, { lockId, policy, now, ...at }) {
    const vault = await requirePermitted(db, at);
    await storeLock(db, vault, initiateLock(vault.lock, { lockId, policy, vaultName: vault.vaultName, now }));
  },

  async completeLock(db, { lockId, now, ...at }) {
    const vault = await requirePermitted(db, at);
    await storeLock(db, vault, completeLock(vault.lock, { lockId, vaultName: vault.vaultName, now }));
  },

  async abortLock(db, at) {
    const vault = await requirePermitted(db, at);
    assertAbortable(vault.lock, vault.vaultName);
    await storeLock(db, vault, null);
  },

  async expireLocks(db, { now, limit }) {
    const expired = await selectExpiredLocks(db, { now, limit });
    for (const { id: vaultId, account_id: accountId, name: vaultName } of expired) {
      await dropLockInProgress(db, { vaultId });
      const vault = auditedVault({ accountId: accountId as AccountId, vaultName });
      await appendEntry(db, serviceFacts({ time: now, operation: "ExpireVaultLock", accountId, vault }));
    }
    return expired.length;
  },
} satisfies Partial<Changes>;

async function storeTags(db: Database, vault: Vault, after: VaultTags): Promise<void> {
  const tags = JSON.stringify(after);
  if (tags !== JSON.stringify(vault.tags)) {
    await updateTags(db, { ...next(vault), tags });
  }
}

async function storeLock(db: Database, vault: Vault, lock: VaultLock | null): Promise<void> {
  if (lock?.state !== vault.lock?.state || lock?.lockId !== vault.lock?.lockId) {
    await updateLock(db, { ...next(vault), ...lockColumns(lock) });
  }
}

interface NextVersion {
  readonly vaultId: string;
  readonly accessVersion: number;
}

/** Ends permissions that rest on the row as it is now: they do not hold for the row that follows. */
const next = ({ id, accessVersion }: Vault): NextVersion => ({ vaultId: id, accessVersion: accessVersion + 1 });

const updateTags = rowsChanged((db, change: NextVersion & { tags: string }) =>
  db
    .updateTable("vaults")
    .set({ tags: change.tags, access_version: change.accessVersion })
    .where("id", "=", change.vaultId),
);

const updateNotifications = rowsChanged((db, change: { vaultId: string } & ReturnType<typeof notificationColumns>) =>
  db
    .updateTable("vaults")
    .set({ notification_topic: change.notification_topic, notification_events: change.notification_events })
    .where("id", "=", change.vaultId),
);

const updateAccessPolicy = rowsChanged((db, change: NextVersion & { policy: string | null }) =>
  db
    .updateTable("vaults")
    .set({ access_policy: change.policy, access_version: change.accessVersion })
    .where("id", "=", change.vaultId),
);

const updateLock = rowsChanged((db, change: NextVersion & ReturnType<typeof lockColumns>) =>
  db
    .updateTable("vaults")
    .set({
      access_version: change.accessVersion,
      lock_policy: change.lock_policy,
      lock_id: change.lock_id,
      lock_state: change.lock_state,
      lock_created_at: change.lock_created_at,
      lock_expires_at: change.lock_expires_at,
    })
    .where("id", "=", change.vaultId),
);

const selectExpiredLocks = manyRows((db, at: { now: Instant; limit: number }) =>
  db
    .selectFrom("vaults")
    .select(["id", "account_id", "name"])
    .where("lock_expires_at", "<=", at.now)
    .orderBy("lock_expires_at")
    .limit(at.limit),
);

const dropLockInProgress = rowsChanged((db, at: { vaultId: string }) =>
  db
    .updateTable("vaults")
    .set((eb) => ({ ...lockColumns(null), access_version: eb("access_version", "+", 1) }))
    // Only a lock in progress expires; a lock that is complete must never be dropped.
    .where("lock_state", "=", literal("in_progress"))
    .where("id", "=", at.vaultId),
);
