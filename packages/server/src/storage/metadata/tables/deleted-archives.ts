import { nextPlace } from "../../../domain/stores/next-place.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Changes } from "../methods.ts";
import { literal, manyRows, oneRow } from "../prepared.ts";
import { changing, removal, soundRows } from "./row-macs/sealed-rows.ts";
import type { Database } from "./schema.ts";
import { findById } from "./vaults/vault-contents.ts";

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
      const unneeded = await selectUnneeded(db, { vaultId, revision, limit: rowsLeft });
      for (const row of unneeded) {
        await unlist(db, row, { listed: 0 });
      }
      rowsLeft -= unneeded.length;
      if (rowsLeft === 0) {
        return after;
      }
      after = nextPlace(after, vaultId);
    }
    return after;
  },

  async forgetArchives(db, at) {
    const forgotten = await selectForgotten(db, at);
    for (const row of forgotten) {
      await removeArchive(db, row);
    }
    return forgotten.length;
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

const unlist = changing("archives", "listed");

const selectUnneeded = soundRows("archives", (db, at: { vaultId: string; revision: number; limit: number }) =>
  db
    .selectFrom("archives")
    .selectAll()
    .where("listed", "=", isListed)
    .where("deleted_at", "is not", null)
    .where("vault_id", "=", at.vaultId)
    .where("deleted_revision", "<=", at.revision)
    .orderBy("deleted_revision")
    .limit(at.limit),
);

const selectForgotten = soundRows("archives", (db, at: { deletedBefore: Instant; limit: number }) =>
  db
    .selectFrom("archives")
    .selectAll()
    .where("listed", "=", isUnlisted)
    .where("deleted_at", "<", at.deletedBefore)
    .orderBy("deleted_at")
    .limit(at.limit),
);

const removeArchive = removal("archives");
