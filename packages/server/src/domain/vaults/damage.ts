import type { ByteRange } from "@moraine/protocol";
import type { ArchiveRetrievalJob } from "../jobs/job.ts";
import type { Instant } from "../time/instant.ts";
import type { VaultKey } from "./vault.ts";

/** An archive or an inventory document, with the facts by which an operator recognizes it. */
export interface BytesOwner {
  readonly kind: "archive" | "inventory";
  /** The archive's id, or the inventory job's. */
  readonly id: string;
  readonly vault: VaultKey;
  /** Description of the archive; empty for an inventory. */
  readonly description: string;
  readonly sizeBytes: number;
}

export const ownerOf = (job: Omit<ArchiveRetrievalJob, "rangeTreeHash">, vault: VaultKey): BytesOwner => ({
  kind: "archive",
  id: job.archiveId,
  vault: { accountId: vault.accountId, region: vault.region, vaultName: vault.vaultName },
  description: job.archiveDescription,
  sizeBytes: job.archiveSizeBytes,
});

/** A run of bytes that is missing, unreadable or wrong on the medium. It is not served while it stays so. */
export interface Damage {
  readonly owner: BytesOwner;
  /** Counted from the owner's first byte. */
  readonly range: ByteRange;
  /** Null when no segment is known to hold the bytes. */
  readonly segmentKey: string | null;
  readonly reason: string;
  /** When a read first met it. */
  readonly foundAt: Instant;
}

export interface DamageCounts {
  readonly archives: number;
  readonly inventories: number;
  readonly segments: number;
}

/** A place in the list of all damage. */
export interface DamagePosition {
  readonly ownerId: string;
  readonly firstByte: number;
  /** Empty for none. */
  readonly segmentKey: string;
}

/** Places that are kept of one segment: a rotten disk must not fill the database. */
export const placesPerSegmentMax = 100;

export interface DamageQueries {
  /** Known damage of an owner that overlaps `range`, by first byte. */
  findDamage(at: { ownerId: string; range: ByteRange; limit: number }): Promise<Damage[]>;
  /** All known damage by owner, first byte and segment, after the position `after` (from the start, if null). */
  listDamage(page: { after: DamagePosition | null; limit: number }): Promise<Damage[]>;
  countDamage(): Promise<DamageCounts>;
}

export interface DamageChanges {
  /**
   * Records damage, and marks its segment: `live → suspect`. False when it was known already, or as many places of the segment
   * as are kept. Of an archive or output that has been deleted meanwhile, nothing is recorded; that is true, too.
   */
  recordDamage(damage: Damage): Promise<boolean>;
  /** Forgets damage that proved repaired: with the last place of a segment, it is `suspect → live`. */
  removeDamage(damage: Damage): Promise<void>;
  /** Forgets up to `limit` places of inventories whose job is gone. Those of an archive go when it is deleted. */
  expireDamage(at: { limit: number }): Promise<number>;
}
