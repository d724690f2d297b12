import { adminErrors } from "@moraine/protocol";
import { nextPlace } from "../../domain/stores/next-place.ts";
import type { Changes } from "./methods.ts";
import { rowsChanged } from "./prepared.ts";
import { sealedRows } from "./tables/row-macs/sealed-rows.ts";
import type { Database, Schema, VaultRow } from "./tables/schema.ts";
import { markAllDead } from "./tables/segments.ts";
import { deleteAllVaults } from "./tables/vaults/written-vault.ts";

export const contentsChanges = {
  async removeContents(db, { accountId, removesLocked }) {
    if (!removesLocked) {
      await assertNoneLocked(db);
    }
    // A segment that is pending belongs to a request that has not ended: it finds its vault gone, and abandons it.
    await markAllDead(db);
    for (const remove of removals) {
      await remove(db, {});
    }
    // Rows that refer to others are removed before those.
    await deleteUploads(db, {});
    await deleteArchives(db, {});
    await deleteAllVaults(db);
    await deleteUserKeys(db, { accountId });
    await deleteUserPolicies(db, {});
    await deleteUsers(db, {});
    await deleteOtherKeys(db, { accountId });
    await deleteOtherAccounts(db, { accountId });
  },
} satisfies Partial<Changes>;

/** Reads every vault: a row whose lock was removed behind the service's back would not be found by its state. */
async function assertNoneLocked(db: Database): Promise<void> {
  for (let after: string | null = ""; after !== null; ) {
    const vaults: VaultRow[] = await selectVaults(db, { after, limit: pageRows });
    const locked = vaults.find((vault) => vault.lock_state === "locked");
    if (locked !== undefined) {
      throw adminErrors.vaultLocked(locked.name);
    }
    const last = vaults.at(-1);
    after = last === undefined ? null : nextPlace(after, last.id);
  }
}

const pageRows = 500;

const selectVaults = sealedRows("vaults", (db, page: { after: string; limit: number }) =>
  db.selectFrom("vaults").selectAll().where("id", ">", page.after).orderBy("id").limit(page.limit),
);

const emptied = (table: Exclude<keyof Schema, "archives" | "segments" | "vaults">) =>
  rowsChanged((db, _: object) => db.deleteFrom(table));

const deleteUploads = emptied("uploads");
const deleteArchives = rowsChanged((db, _: object) => db.deleteFrom("archives"));

const removals = (
  [
    "upload_requests",
    "releases",
    "removed_vaults",
    "jobs",
    "data_retrieval_policies",
    "retrieved_bytes",
    "capacity_units",
    "notifications",
    "damage",
  ] as const
).map(emptied);

const deleteUserKeys = rowsChanged((db, _: { accountId: string }) =>
  db
    .deleteFrom("access_keys")
    .where((or) => or.or([or("user_id", "is not", null), or("session_token_hash", "is not", null)])),
);
const deleteUserPolicies = emptied("user_policies");
const deleteUsers = emptied("users");
const deleteOtherKeys = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("access_keys").where("account_id", "<>", at.accountId),
);
const deleteOtherAccounts = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("accounts").where("id", "<>", at.accountId),
);
