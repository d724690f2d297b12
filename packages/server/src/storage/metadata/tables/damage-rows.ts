import type { AccountId } from "@moraine/protocol";
import type { Damage } from "../../../domain/vaults/damage.ts";
import { rowsChanged } from "../prepared.ts";
import type { DamageRow } from "./schema.ts";

export function damageRow({ owner, range, segmentKey, reason, foundAt }: Damage): DamageRow {
  return {
    owner_id: owner.id,
    owner_kind: owner.kind,
    first_byte: range.firstByte,
    last_byte: range.lastByte,
    segment_key: segmentKey ?? "",
    reason,
    found_at: foundAt,
    account_id: owner.vault.accountId,
    region: owner.vault.region,
    vault_name: owner.vault.vaultName,
    description: owner.description,
    size_bytes: owner.sizeBytes,
  };
}

export function damageOf(row: DamageRow): Damage {
  return {
    owner: {
      kind: row.owner_kind,
      id: row.owner_id,
      vault: { accountId: row.account_id as AccountId, region: row.region, vaultName: row.vault_name },
      description: row.description,
      sizeBytes: row.size_bytes,
    },
    range: { firstByte: row.first_byte, lastByte: row.last_byte },
    segmentKey: row.segment_key === "" ? null : row.segment_key,
    reason: row.reason,
    foundAt: row.found_at,
  };
}

/** Forgets all damage of an archive that is deleted. */
export const dropDamageOf = rowsChanged((db, owner: { ownerId: string }) =>
  db.deleteFrom("damage").where("owner_id", "=", owner.ownerId),
);

/** Forgets all damage of one segment. */
export const dropDamageAt = rowsChanged((db, at: { ownerId: string; segmentKey: string }) =>
  db.deleteFrom("damage").where("owner_id", "=", at.ownerId).where("segment_key", "=", at.segmentKey),
);
