import { errors } from "@moraine/protocol";
import type { Instant } from "../../../domain/time/instant.ts";
import { assertVersion, type PermittedVault } from "../../../domain/vaults/permission.ts";
import { arnOf, type Vault } from "../../../domain/vaults/vault.ts";
import { oneRow } from "../sqlite/prepared.ts";
import type { Database } from "./schema.ts";
import { vaultOf } from "./vault-rows.ts";

export async function findById(db: Database, vaultId: string): Promise<Vault | null> {
  const row = await selectById(db, { vaultId });
  return row === undefined ? null : vaultOf(row);
}

/**
 * Throws ResourceNotFoundException when the vault is gone, and VaultChangedError when its row is not the one that allowed the
 * change.
 */
export async function requirePermitted(db: Database, at: PermittedVault): Promise<Vault> {
  const vault = await findById(db, at.vaultId);
  if (vault === null) {
    throw errors.vaultNotFound(arnOf(at.vault));
  }
  assertVersion(vault, at.accessVersion);
  return vault;
}

/** Change of a vault by an archive that is added or deleted: `count` is 1 or -1. */
export interface RevisionChange {
  readonly vaultId: string;
  readonly accessVersion: number;
  readonly count: number;
  readonly bytes: number;
  readonly now: Instant;
}

/** Counts the step, and resolves to the revision it makes; undefined unless there is such a vault with this version. */
export async function bumpRevision(db: Database, step: RevisionChange): Promise<number | undefined> {
  return (await updateContents(db, step))?.revision;
}

const selectById = oneRow((db, at: { vaultId: string }) =>
  db.selectFrom("vaults").selectAll().where("id", "=", at.vaultId),
);

const updateContents = oneRow((db, step: RevisionChange) =>
  db
    .updateTable("vaults")
    .set((eb) => ({
      archive_count: eb("archive_count", "+", step.count),
      archive_bytes: eb("archive_bytes", "+", step.bytes),
      revision: eb("revision", "+", 1),
      inventory_due_from: eb.fn.coalesce("inventory_due_from", "inventory_taken_at", eb.val(step.now)),
    }))
    .where("id", "=", step.vaultId)
    .where("access_version", "=", step.accessVersion)
    .returning("revision"),
);
