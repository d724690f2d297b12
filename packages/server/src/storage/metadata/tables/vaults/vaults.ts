import { errors, limits } from "@moraine/protocol";
import type { Instant } from "../../../../domain/time/instant.ts";
import { assertVersion } from "../../../../domain/vaults/permission.ts";
import { assertDeletable, type VaultKey, writtenSinceInventory } from "../../../../domain/vaults/vault.ts";
import type { Changes, Queries } from "../../methods.ts";
import { literal, oneRow } from "../../prepared.ts";
import { removeJobsOf } from "../jobs/jobs.ts";
import { removeUploadsOf } from "../multipart-uploads.ts";
import { removal, sealedInsertion, sealedRow, sealedRows, soundRows } from "../row-macs/sealed-rows.ts";
import type { Database, VaultRow } from "../schema.ts";
import { findById, selectVaultById } from "./vault-contents.ts";
import { vaultOf, vaultRow } from "./vault-rows.ts";
import { changingVault, deleteVault } from "./written-vault.ts";

export const vaultQueries = {
  async findVault(db, key) {
    const row = await selectVault(db, key);
    return row === undefined ? null : vaultOf(row);
  },

  findVaultById(db, vaultId) {
    return findById(db, vaultId);
  },

  async listVaults(db, page) {
    const rows = await selectVaults(db, { ...page, afterName: page.afterName ?? "" });
    return rows.map(vaultOf);
  },
} satisfies Partial<Queries>;

export const vaultChanges = {
  async createVault(db, { id, key, now }) {
    if ((await selectVault(db, key)) !== undefined) {
      return;
    }
    const vaults = await countVaults(db, key);
    if (Number(vaults?.count) >= limits.vaultsPerAccountMax) {
      throw errors.limitExceeded(`Vault limit exceeded: ${limits.vaultsPerAccountMax}`);
    }
    await insertVault(db, vaultRow({ id, key, now }));
  },

  async removeVault(db, { key, profile, expectedVersion, now }) {
    const row = await selectVault(db, key);
    if (row === undefined) {
      return;
    }
    const vault = vaultOf(row);
    assertVersion(vault, expectedVersion);
    assertDeletable(vault, profile);
    await deleteVault(db, row);
    await insertRemoved(db, { id: row.id, removed_at: now });
  },

  async clearVaults(db, { limit }) {
    let left = limit;
    for (const removed of await selectRemoved(db, { limit })) {
      const { id: vaultId, removed_at: now } = removed;
      left -= await removeJobsOf(db, { vaultId, now, limit: left });
      left -= await removeUploadsOf(db, { vaultId, now, limit: left });
      if (left === 0) {
        break;
      }
      left -= await deleteRemoved(db, removed);
    }
    return limit - left;
  },

  async takeInventory(db, { vaultId, now }) {
    const row = await selectVaultById(db, { vaultId });
    if (row === undefined) {
      // Only a job asks by id, and it went with its vault: no client reads this text.
      throw errors.vaultNotFound(vaultId);
    }
    const vault = vaultOf(row);
    return vault.inventory && !writtenSinceInventory(vault) ? vault : vaultOf(await takeInventoryOf(db, row, now));
  },

  async takeDueInventories(db, { now, ...at }) {
    const due = await selectDue(db, at);
    for (const vault of due) {
      await takeInventoryOf(db, vault, now);
    }
    return due.length;
  },
} satisfies Partial<Changes>;

/** The vault's present contents become its last inventory. */
async function takeInventoryOf(db: Database, vault: VaultRow, now: Instant): Promise<VaultRow> {
  const newest = await selectNewest(db, { vaultId: vault.id });
  return setInventory(db, vault, {
    inventory_taken_at: now,
    inventory_revision: vault.revision,
    inventory_archive_count: vault.archive_count,
    inventory_archive_bytes: vault.archive_bytes,
    inventory_archive_sum: vault.archive_sum,
    inventory_newest_at: newest?.created_at ?? 0,
    inventory_due_from: null,
  });
}

const insertVault = sealedInsertion("vaults");

const selectVault = sealedRow(
  "vaults",
  (db, key: VaultKey) =>
    db
      .selectFrom("vaults")
      .selectAll()
      .where("account_id", "=", key.accountId)
      .where("region", "=", key.region)
      .where("name", "=", key.vaultName),
  (row, key) => row.name === key.vaultName && row.account_id === key.accountId && row.region === key.region,
);

const selectVaults = sealedRows(
  "vaults",
  (db, page: { accountId: string; region: string; afterName: string; limit: number }) =>
    db
      .selectFrom("vaults")
      .selectAll()
      .where("account_id", "=", page.accountId)
      .where("region", "=", page.region)
      .where("name", ">", page.afterName)
      .orderBy("name")
      .limit(page.limit),
);

const countVaults = oneRow((db, key: { accountId: string; region: string }) =>
  db
    .selectFrom("vaults")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("account_id", "=", key.accountId)
    .where("region", "=", key.region),
);

const insertRemoved = sealedInsertion("removed_vaults");

const selectRemoved = soundRows("removed_vaults", (db, at: { limit: number }) =>
  db.selectFrom("removed_vaults").selectAll().limit(at.limit),
);

const deleteRemoved = removal("removed_vaults");

const setInventory = changingVault(
  "inventory_taken_at",
  "inventory_revision",
  "inventory_archive_count",
  "inventory_archive_bytes",
  "inventory_archive_sum",
  "inventory_newest_at",
  "inventory_due_from",
);

const selectNewest = oneRow((db, at: { vaultId: string }) =>
  db
    .selectFrom("archives")
    .select((eb) => eb.fn.max("created_at").as("created_at"))
    .where("vault_id", "=", at.vaultId)
    .where("listed", "=", literal(1)),
);

const selectDue = soundRows("vaults", (db, at: { dueBefore: Instant; limit: number }) =>
  db
    .selectFrom("vaults")
    .selectAll()
    .where("inventory_due_from", "<", at.dueBefore)
    .orderBy("inventory_due_from")
    .limit(at.limit),
);
