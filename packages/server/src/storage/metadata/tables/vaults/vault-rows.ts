import type { AccountId } from "@moraine/protocol";
import type { VaultNotifications } from "../../../../domain/notifications/vault-notifications.ts";
import type { InventorySnapshot, Vault, VaultKey } from "../../../../domain/vaults/vault.ts";
import type { VaultLock } from "../../../../domain/vaults/vault-lock.ts";
import type { VaultTags } from "../../../../domain/vaults/vault-tags.ts";
import { unpackHash } from "../packed.ts";
import { emptySum } from "../row-macs/archive-sum.ts";
import { notNull } from "../rows.ts";
import type { VaultRow } from "../schema.ts";

export function vaultOf(row: VaultRow): Vault {
  return {
    id: row.id,
    accountId: row.account_id as AccountId,
    region: row.region,
    vaultName: row.name,
    createdAt: row.created_at,
    archiveCount: row.archive_count,
    archiveBytes: row.archive_bytes,
    revision: row.revision,
    accessVersion: row.access_version,
    inventory: snapshotOf(row),
    accessPolicy: row.access_policy,
    lock: lockOf(row),
    notifications: notificationsOf(row),
    tags: JSON.parse(row.tags) as VaultTags,
  };
}

/** The row of a new vault: empty, with nothing set. */
export function vaultRow({ id, key, now }: { id: string; key: VaultKey; now: number }): VaultRow {
  return {
    id,
    account_id: key.accountId,
    region: key.region,
    name: key.vaultName,
    created_at: now,
    archive_count: 0,
    archive_bytes: 0,
    archive_sum: emptySum,
    revision: 0,
    access_version: 0,
    inventory_taken_at: null,
    inventory_revision: null,
    inventory_archive_count: null,
    inventory_archive_bytes: null,
    inventory_archive_sum: null,
    inventory_newest_at: null,
    inventory_due_from: null,
    access_policy: null,
    ...lockColumns(null),
    ...notificationColumns(null),
    tags: "{}",
  };
}

export function lockColumns(lock: VaultLock | null) {
  return {
    lock_policy: lock?.policy ?? null,
    lock_id: lock?.lockId ?? null,
    lock_state: lock?.state ?? null,
    lock_created_at: lock?.createdAt ?? null,
    lock_expires_at: lock?.state === "in_progress" ? lock.expiresAt : null,
  };
}

export function notificationColumns(notifications: VaultNotifications | null) {
  return {
    notification_topic: notifications?.topic ?? null,
    notification_events: notifications && JSON.stringify(notifications.events),
  };
}

function snapshotOf(row: VaultRow): InventorySnapshot | null {
  if (row.inventory_taken_at === null) {
    return null;
  }
  return {
    takenAt: row.inventory_taken_at,
    revision: notNull(row.inventory_revision),
    archiveCount: notNull(row.inventory_archive_count),
    archiveBytes: notNull(row.inventory_archive_bytes),
    archiveSum: unpackHash(notNull(row.inventory_archive_sum)),
  };
}

function lockOf(row: VaultRow): VaultLock | null {
  if (row.lock_state === null) {
    return null;
  }
  const lock = {
    lockId: notNull(row.lock_id),
    policy: notNull(row.lock_policy),
    createdAt: notNull(row.lock_created_at),
  };
  return row.lock_state === "in_progress"
    ? { state: row.lock_state, ...lock, expiresAt: notNull(row.lock_expires_at) }
    : { state: row.lock_state, ...lock };
}

function notificationsOf(row: VaultRow): VaultNotifications | null {
  if (row.notification_topic === null) {
    return null;
  }
  return {
    topic: row.notification_topic,
    events: JSON.parse(notNull(row.notification_events)) as VaultNotifications["events"],
  };
}
