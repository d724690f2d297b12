import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes } from "../sqlite/methods.ts";
import { literal, manyRows, oneRow, rowsChanged } from "../sqlite/prepared.ts";
import type { Database } from "./schema.ts";
import { findById } from "./vault-contents.ts";

export const deletedArchiveChanges = {
  async unlistArchives(db, { profile, afterVault, limit }) {
    let after = afterVault ?? "";
    let rowsLeft = limit;
    for (let vaults = 0; vaults < limit; vaults += 1) {
      const next = await selectLeaving(db, { after });
      if (next === undefined) {
        return null;
      }
      const { vault_id: vaultId } = next;
      const revision = await unlistUpToRevision(db, vaultId, profile);
      rowsLeft -= await unlist(db, { vaultId, revision, limit: rowsLeft });
      if (rowsLeft === 0) {
        return after;
      }
      after = vaultId;
    }
    return after;
  },

  forgetArchives(db, at) {
    return forget(db, at);
  },
} satisfies Partial<Changes>;

/** Archives that were deleted in this revision or before are in no inventory that is still to be written. */
async function unlistUpToRevision(db: Database, vaultId: string, profile: "practical" | "aws"): Promise<number> {
  const writing = await selectWriting(db, { vaultId });
  if (writing.length > 0) {
    return 0;
  }
  const vault = profile === "aws" ? await findById(db, vaultId) : null;
  return vault?.inventory?.revision ?? Number.MAX_SAFE_INTEGER;
}

const isListed = literal(1);
const isUnlisted = literal(0);

const selectLeaving = oneRow((db, at: { after: string }) =>
  db
    .selectFrom("archives")
    .select("vault_id")
    .where("listed", "=", isListed)
    .where("deleted_at", "is not", null)
    .where("vault_id", ">", at.after)
    .orderBy("vault_id")
    .limit(1),
);

/** A claimed inventory job may be reading the vault's list as of any earlier revision. */
const selectWriting = manyRows((db, at: { vaultId: string }) =>
  db
    .selectFrom("jobs")
    .select("id")
    .where("vault_id", "=", at.vaultId)
    .where("action", "=", literal("InventoryRetrieval"))
    .where("lease_until", "is not", null)
    .limit(1),
);

const unlist = rowsChanged((db, at: { vaultId: string; revision: number; limit: number }) =>
  db
    .updateTable("archives")
    .set({ listed: isUnlisted })
    .where("id_head", "in", (eb) =>
      eb
        .selectFrom("archives")
        .select("id_head")
        .where("listed", "=", isListed)
        .where("deleted_at", "is not", null)
        .where("vault_id", "=", at.vaultId)
        .where("deleted_revision", "<=", at.revision)
        .orderBy("deleted_revision")
        .limit(at.limit),
    ),
);

const forget = rowsChanged((db, at: { deletedBefore: Instant; limit: number }) =>
  db
    .deleteFrom("archives")
    .where("id_head", "in", (eb) =>
      eb
        .selectFrom("archives")
        .select("id_head")
        .where("listed", "=", isUnlisted)
        .where("deleted_at", "<", at.deletedBefore)
        .orderBy("deleted_at")
        .limit(at.limit),
    ),
);
