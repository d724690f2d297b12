import { errors, limits } from "@moraine/protocol";
import type { ExpressionBuilder } from "kysely";
import type { Instant } from "../../../domain/time/instant.ts";
import { assertVersion } from "../../../domain/vaults/permission.ts";
import { assertDeletable, type VaultKey, writtenSinceInventory } from "../../../domain/vaults/vault.ts";
import type { Changes, Queries } from "../sqlite/methods.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "../sqlite/prepared.ts";
import { removeJobsOf } from "./jobs/jobs.ts";
import { removeUploadsOf } from "./multipart-uploads.ts";
import type { Schema } from "./schema.ts";
import { findById } from "./vault-contents.ts";
import { vaultOf, vaultRow } from "./vault-rows.ts";

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
    for (const { id: vaultId, removed_at: now } of await selectRemoved(db, { limit })) {
      left -= await removeJobsOf(db, { vaultId, now, limit: left });
      left -= await removeUploadsOf(db, { vaultId, now, limit: left });
      if (left === 0) {
        break;
      }
      left -= await deleteRemoved(db, { vaultId });
    }
    return limit - left;
  },

  async takeInventory(db, { vaultId, now }) {
    const vault = await findById(db, vaultId);
    if (vault?.inventory && !writtenSinceInventory(vault)) {
      return vault;
    }
    await updateInventory(db, { vaultId, now });
    const inventoried = await findById(db, vaultId);
    if (inventoried === null) {
      // Only a job asks by id, and it went with its vault: no client reads this text.
      throw errors.vaultNotFound(vaultId);
    }
    return inventoried;
  },

  takeDueInventories(db, at) {
    return updateDueInventories(db, at);
  },
} satisfies Partial<Changes>;

const insertVault = insertion("vaults");

const selectVault = oneRow((db, key: VaultKey) =>
  db
    .selectFrom("vaults")
    .selectAll()
    .where("account_id", "=", key.accountId)
    .where("region", "=", key.region)
    .where("name", "=", key.vaultName),
);

const selectVaults = manyRows((db, page: { accountId: string; region: string; afterName: string; limit: number }) =>
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

const deleteVault = rowsChanged((db, vault: { id: string }) => db.deleteFrom("vaults").where("id", "=", vault.id));

const insertRemoved = insertion("removed_vaults");

const selectRemoved = manyRows((db, at: { limit: number }) =>
  db.selectFrom("removed_vaults").selectAll().limit(at.limit),
);

const deleteRemoved = rowsChanged((db, at: { vaultId: string }) =>
  db.deleteFrom("removed_vaults").where("id", "=", at.vaultId),
);

/** The vault's present contents become its last inventory. */
const inventoryOf = (at: { now: Instant }) => (eb: ExpressionBuilder<Schema, "vaults">) => ({
  inventory_taken_at: at.now,
  inventory_revision: eb.ref("revision"),
  inventory_archive_count: eb.ref("archive_count"),
  inventory_archive_bytes: eb.ref("archive_bytes"),
  inventory_newest_at: eb
    .selectFrom("archives")
    .select((archives) => archives.fn.coalesce(archives.fn.max("archives.created_at"), archives.lit(0)).as("newest"))
    .whereRef("archives.vault_id", "=", "vaults.id")
    .where("archives.listed", "=", literal(1)),
  inventory_due_from: null,
});

const updateInventory = rowsChanged((db, at: { vaultId: string; now: Instant }) =>
  db.updateTable("vaults").set(inventoryOf(at)).where("id", "=", at.vaultId),
);

const updateDueInventories = rowsChanged((db, at: { dueBefore: Instant; now: Instant; limit: number }) =>
  db
    .updateTable("vaults")
    .set(inventoryOf(at))
    .where("id", "in", (eb) =>
      eb
        .selectFrom("vaults")
        .select("id")
        .where("inventory_due_from", "<", at.dueBefore)
        .orderBy("inventory_due_from")
        .limit(at.limit),
    ),
);
