import { adminErrors } from "@moraine/protocol";
import type { Changes } from "./sqlite/methods.ts";
import { literal, oneRow, rowsChanged } from "./sqlite/prepared.ts";
import type { Schema } from "./tables/schema.ts";

export const contentsChanges = {
  async removeContents(db, { accountId, removesLocked }) {
    const locked = removesLocked ? undefined : await selectLocked(db, {});
    if (locked !== undefined) {
      throw adminErrors.vaultLocked(locked.name);
    }
    // A segment that is pending belongs to a request that has not ended: it finds its vault gone, and abandons it.
    await markSegmentsDead(db, {});
    for (const remove of removals) {
      await remove(db, {});
    }
    // Rows that refer to others are removed before those.
    await deleteUploads(db, {});
    await deleteArchives(db, {});
    await deleteVaults(db, {});
    await deleteUserKeys(db, { accountId });
    await deleteUserPolicies(db, {});
    await deleteUsers(db, {});
    await deleteOtherKeys(db, { accountId });
    await deleteOtherAccounts(db, { accountId });
  },
} satisfies Partial<Changes>;

const selectLocked = oneRow((db, _: object) =>
  db.selectFrom("vaults").select("name").where("lock_state", "=", "locked").limit(1),
);

const markSegmentsDead = rowsChanged((db, _: object) =>
  db
    .updateTable("segments")
    .set({ state: "dead" })
    .where("state", "in", [literal("live"), literal("deleted")]),
);

const emptied = (table: Exclude<keyof Schema, "archives" | "segments" | "vaults">) =>
  rowsChanged((db, _: object) => db.deleteFrom(table));

const deleteUploads = emptied("uploads");
const deleteArchives = rowsChanged((db, _: object) => db.deleteFrom("archives"));
const deleteVaults = rowsChanged((db, _: object) => db.deleteFrom("vaults"));

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
