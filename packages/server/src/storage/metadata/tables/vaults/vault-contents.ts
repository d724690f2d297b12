import { errors } from "@moraine/protocol";
import type { Instant } from "../../../../domain/time/instant.ts";
import { assertVersion, type PermittedVault } from "../../../../domain/vaults/permission.ts";
import { arnOf, type Vault } from "../../../../domain/vaults/vault.ts";
import { sealedRow } from "../row-macs/sealed-rows.ts";
import type { Database, VaultRow } from "../schema.ts";
import { vaultOf } from "./vault-rows.ts";
import { changingVault, writtenVault } from "./written-vault.ts";

export async function findById(db: Database, vaultId: string): Promise<Vault | null> {
  const row = await selectVaultById(db, { vaultId });
  return row === undefined ? null : vaultOf(row);
}

/**
 * Throws ResourceNotFoundException when the vault is gone, and VaultChangedError when its row is not the one that allowed the
 * change.
 */
export async function requirePermitted(db: Database, at: PermittedVault): Promise<VaultRow> {
  const row = writtenVault(db, at.vaultId) ?? (await selectVaultById(db, { vaultId: at.vaultId }));
  if (row === undefined) {
    throw errors.vaultNotFound(arnOf(at.vault));
  }
  assertVersion({ accessVersion: row.access_version }, at.accessVersion);
  return row;
}

/** Change of a vault by an archive that is added or deleted: `count` is 1 or -1. */
export interface RevisionChange {
  readonly count: number;
  readonly bytes: number;
  /** The sum of the vault's archives after it. */
  readonly sum: Uint8Array;
  readonly now: Instant;
}

/** Counts the change as the vault's next revision. */
export async function bumpRevision(db: Database, vault: VaultRow, change: RevisionChange): Promise<void> {
  await changeContents(db, vault, {
    archive_count: vault.archive_count + change.count,
    archive_bytes: vault.archive_bytes + change.bytes,
    archive_sum: change.sum,
    revision: vault.revision + 1,
    inventory_due_from: vault.inventory_due_from ?? vault.inventory_taken_at ?? change.now,
  });
}

export const selectVaultById = sealedRow(
  "vaults",
  (db, at: { vaultId: string }) => db.selectFrom("vaults").selectAll().where("id", "=", at.vaultId),
  (row, at) => row.id === at.vaultId,
);

const changeContents = changingVault("archive_count", "archive_bytes", "archive_sum", "revision", "inventory_due_from");
