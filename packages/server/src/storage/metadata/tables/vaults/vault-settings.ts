import { auditedVault, serviceFacts } from "../../../../domain/audit.ts";
import { invariant } from "../../../../domain/invariant.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import { assertAbortable, completeLock, initiateLock, type VaultLock } from "../../../../domain/vaults/vault-lock.ts";
import { type VaultTags, withoutTags, withTags } from "../../../../domain/vaults/vault-tags.ts";
import type { Changes } from "../../methods.ts";
import { appendEntry } from "../audit-chain.ts";
import { soundRows } from "../row-macs/sealed-rows.ts";
import type { Database, VaultRow } from "../schema.ts";
import { requirePermitted } from "./vault-contents.ts";
import { lockColumns, notificationColumns, vaultOf } from "./vault-rows.ts";
import { changingVault } from "./written-vault.ts";

export const vaultSettingsChanges = {
  async addTags(db, { tags, ...at }) {
    const row = await requirePermitted(db, at);
    await storeTags(db, row, withTags(vaultOf(row).tags, tags));
  },

  async removeTags(db, { keys, ...at }) {
    const row = await requirePermitted(db, at);
    await storeTags(db, row, withoutTags(vaultOf(row).tags, keys));
  },

  async setNotifications(db, { notifications, ...at }) {
    const row = await requirePermitted(db, at);
    await updateNotifications(db, row, notificationColumns(notifications));
  },

  async setAccessPolicy(db, { policy, ...at }) {
    const row = await requirePermitted(db, at);
    if (policy !== row.access_policy) {
      await updateAccessPolicy(db, row, { ...next(row), access_policy: policy });
    }
  },

  async initiateLock(db, { lockId, policy, now, ...at }) {
    const row = await requirePermitted(db, at);
    const { lock, vaultName } = vaultOf(row);
    await storeLock(db, row, initiateLock(lock, { lockId, policy, vaultName, now }));
  },

  async completeLock(db, { lockId, now, ...at }) {
    const row = await requirePermitted(db, at);
    const { lock, vaultName } = vaultOf(row);
    await storeLock(db, row, completeLock(lock, { lockId, vaultName, now }));
  },

  async abortLock(db, at) {
    const row = await requirePermitted(db, at);
    const { lock, vaultName } = vaultOf(row);
    assertAbortable(lock, vaultName);
    await storeLock(db, row, null);
  },

  async expireLocks(db, { now, limit }) {
    const expired = await selectExpiredLocks(db, { now, limit });
    for (const row of expired) {
      // Only a lock in progress expires; a lock that is complete must never be dropped.
      invariant(row.lock_state === "in_progress", "a lock that is complete has no time to expire at");
      await updateLock(db, row, { ...next(row), ...lockColumns(null) });
      const { accountId } = vaultOf(row);
      const vault = auditedVault(vaultOf(row));
      await appendEntry(db, serviceFacts({ time: now, operation: "ExpireVaultLock", accountId, vault }));
    }
    return expired.length;
  },
} satisfies Partial<Changes>;

async function storeTags(db: Database, row: VaultRow, after: VaultTags): Promise<void> {
  const tags = JSON.stringify(after);
  if (tags !== row.tags) {
    await updateTags(db, row, { ...next(row), tags });
  }
}

async function storeLock(db: Database, row: VaultRow, lock: VaultLock | null): Promise<void> {
  if (lock?.state !== (row.lock_state ?? undefined) || lock?.lockId !== (row.lock_id ?? undefined)) {
    await updateLock(db, row, { ...next(row), ...lockColumns(lock) });
  }
}

/** Ends permissions that rest on the row as it is now: they do not hold for the row that follows. */
const next = (row: VaultRow): Pick<VaultRow, "access_version"> => ({ access_version: row.access_version + 1 });

const updateTags = changingVault("access_version", "tags");
const updateNotifications = changingVault("notification_topic", "notification_events");
const updateAccessPolicy = changingVault("access_version", "access_policy");
const updateLock = changingVault(
  "access_version",
  "lock_policy",
  "lock_id",
  "lock_state",
  "lock_created_at",
  "lock_expires_at",
);

const selectExpiredLocks = soundRows("vaults", (db, at: { now: Instant; limit: number }) =>
  db.selectFrom("vaults").selectAll().where("lock_expires_at", "<=", at.now).orderBy("lock_expires_at").limit(at.limit),
);
