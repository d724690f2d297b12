import type { AuditOutcome } from "@moraine/protocol";
import type { Generated, Kysely } from "kysely";
import type { JobLane, Tier } from "../../../domain/jobs/job.ts";
import type { NotificationState } from "../../../domain/notifications/notification.ts";
import type { SegmentState } from "../../../domain/segment.ts";

/**
 * The tables as migrations leave them. Times are milliseconds, sizes bytes. Ids are text, but those that come with every
 * archive are packed into two columns, `…_head` and `…_tail`; of these the head alone identifies a row.
 */
export interface Schema {
  readonly accounts: Sealed<AccountRow>;
  readonly users: Sealed<UserRow>;
  readonly user_policies: Sealed<UserPolicyRow>;
  readonly access_keys: Sealed<AccessKeyRow>;
  readonly data_keys: Sealed<DataKeyRow>;
  readonly used_signatures: UsedSignatureRow;
  readonly vaults: Sealed<VaultRow>;
  readonly removed_vaults: Sealed<RemovedVaultRow>;
  readonly archives: Sealed<ArchiveRow>;
  readonly segments: Sealed<SegmentRow>;
  readonly upload_requests: Sealed<UploadRequestRow>;
  readonly releases: Sealed<ReleaseRow>;
  readonly uploads: Sealed<UploadRow>;
  readonly jobs: Sealed<JobRow>;
  readonly jobs_in_progress: JobsInProgressRow;
  readonly data_retrieval_policies: Sealed<DataRetrievalPolicyRow>;
  readonly retrieved_bytes: Sealed<RetrievedBytesRow>;
  readonly capacity_units: Sealed<CapacityUnitRow>;
  readonly notifications: Sealed<NotificationRow>;
  readonly trusted_time: Sealed<TrustedTimeRow>;
  readonly history: HistoryRow;
  readonly installation: Sealed<InstallationRow>;
  readonly damage: DamageRow;
  readonly scrub: ScrubRow;
  readonly scrub_ranges: ScrubRangeRow;
  readonly scrub_queue: ScrubQueueRow;
  readonly audit_entries: AuditEntryRow;
  readonly audit_state: AuditStateRow;
}

export type Database = Kysely<Schema>;

/** A row with a MAC of its content; null is damage. */
export type Sealed<Row> = Row & { mac: Uint8Array | null };

export interface AccountRow {
  id: string;
  created_at: number;
}

export interface UserRow {
  id: string;
  account_id: string;
  name: string;
  created_at: number;
}

export interface UserPolicyRow {
  user_id: string;
  name: string;
  document: string;
}

export interface AccessKeyRow {
  id: string;
  account_id: string;
  sealed_secret: Uint8Array;
  created_at: number;
  /** Null is the account's root. */
  user_id: string | null;
  active: 0 | 1;
  /** For a session's key; both null otherwise. */
  session_token_hash: Uint8Array | null;
  session_expires_at: number | null;
  /** 1 for the key of the root that the operator gave at the last start. */
  is_given: 0 | 1;
}

/** Signature of a request that changed something and would be accepted until then. */
export interface UsedSignatureRow {
  signature: Uint8Array;
  expires_at: number;
}

/** Encrypted with a key that is not in the database. */
export interface DataKeyRow {
  id: string;
  wrapped: Uint8Array;
  created_at: number;
}

export interface VaultRow {
  id: string;
  account_id: string;
  region: string;
  name: string;
  created_at: number;
  archive_count: number;
  archive_bytes: number;
  /** Sum of the digests of the rows of its archives, modulo 2^256. */
  archive_sum: Uint8Array;
  revision: number;
  /** Grows with every change of the tags, the access policy and the lock. */
  access_version: number;
  /** The last inventory: all null before the first. */
  inventory_taken_at: number | null;
  inventory_revision: number | null;
  inventory_archive_count: number | null;
  inventory_archive_bytes: number | null;
  inventory_archive_sum: Uint8Array | null;
  /** No archive of the last inventory was created later; null when that is not known. */
  inventory_newest_at: number | null;
  /** Null while nothing has changed since the last inventory; else when that was, or the first change if there was none. */
  inventory_due_from: number | null;
  access_policy: string | null;
  /** The lock's columns: all null when there is none. */
  lock_policy: string | null;
  lock_id: string | null;
  lock_state: "in_progress" | "locked" | null;
  lock_created_at: number | null;
  /** For a lock in progress. */
  lock_expires_at: number | null;
  notification_topic: string | null;
  /** JSON: a list of names; null without a topic. */
  notification_events: string | null;
  /** JSON: an object of texts. */
  tags: string;
}

/** It lived in the revisions from `created_revision` on and before `deleted_revision`. */
export interface ArchiveRow {
  id_head: Uint8Array;
  id_tail: Uint8Array;
  vault_id: string;
  description: string;
  size_bytes: number;
  tree_hash: Uint8Array;
  created_at: number;
  created_revision: number;
  deleted_at: number | null;
  deleted_revision: number | null;
  /** 1 while an inventory may still list it; 0 is only for a deleted archive. */
  listed: 0 | 1;
}

export interface SegmentRow {
  /** Its key in the blob store, packed: its owner's id is not repeated. */
  name: Uint8Array;
  owner_head: Uint8Array;
  owner_tail: Uint8Array;
  state: SegmentState;
  /** Its place in its owner, which no other segment shares; null while pending, and again once a later part took the place. */
  first_byte: number | null;
  /** Null while pending, as is the hash. */
  size_bytes: number | null;
  tree_hash: Uint8Array | null;
  /** For a pending segment; null once nobody holds it. */
  lease_until: number | null;
  deleted_at: number | null;
}

/** An owner that has ended: its segments are let go in rounds, in order of their places, and then this row is deleted. */
export interface ReleaseRow {
  owner_id: string;
  /** Earlier ones have been let go. */
  from_byte: number;
  /** When the owner ended, which is when its segments count as deleted. */
  released_at: number;
}

/** A vault that was removed: its jobs and uploads are dropped in rounds, and then this row is deleted. */
export interface RemovedVaultRow {
  id: string;
  removed_at: number;
}

/** Remembered for a day, so that a repeated request makes no second archive. */
export interface UploadRequestRow {
  /** A SHA-256. */
  key: Uint8Array;
  archive_head: Uint8Array;
  made_at: number;
}

/** Mirrors `open → completed | aborted | expired`. */
export interface UploadRow {
  id: string;
  vault_id: string;
  archive_head: Uint8Array;
  archive_tail: Uint8Array;
  description: string;
  part_size_bytes: number;
  created_at: number;
  /** When it was started, or got its last part. */
  active_at: number;
  state: "open" | "completed" | "aborted" | "expired";
  ended_at: number | null;
  /** Counts the parts that were stored: while it is the same, so are they. */
  parts_revision: number;
}

/** Columns of the other kind of job are null. */
export interface JobRow {
  id: string;
  vault_id: string;
  /** Account of the vault; empty when the vault was removed before the column was added. */
  account_id: string;
  lane: JobLane;
  action: "ArchiveRetrieval" | "InventoryRetrieval";
  description: string | null;
  sns_topic: string | null;
  created_at: number;
  due_at: number;
  state: "in_progress" | "succeeded" | "failed";
  status_message: string | null;
  completed_at: number | null;
  lease_until: number | null;
  fence: number;
  archive_head: Uint8Array | null;
  archive_tail: Uint8Array | null;
  archive_size_bytes: number | null;
  archive_tree_hash: string | null;
  archive_description: string | null;
  tier: Tier | null;
  range_first_byte: number | null;
  range_last_byte: number | null;
  range_tree_hash: string | null;
  inventory_format: "JSON" | "CSV" | null;
  inventory_start_date: string | null;
  inventory_end_date: string | null;
  inventory_limit: string | null;
  inventory_marker: string | null;
  output_key: string | null;
  output_size_bytes: number | null;
  output_next_marker: string | null;
}

/** How many jobs of an account are in progress. Written by triggers on `jobs` alone. */
export interface JobsInProgressRow {
  account_id: string;
  count: number;
}

/** None is the default: strategy `None`. */
export interface DataRetrievalPolicyRow {
  account_id: string;
  region: string;
  strategy: "BytesPerHour" | "FreeTier" | "None";
  /** Decimal digits, as it may be more than a number can hold; null with the other strategies. */
  bytes_per_hour: string | null;
}

/** The bytes that Standard jobs of one day, in UTC, were accepted for. */
export interface RetrievedBytesRow {
  account_id: string;
  region: string;
  /** `2026-03-04`. */
  day: string;
  bytes: number;
}

export interface CapacityUnitRow {
  id: string;
  account_id: string;
  region: string;
  started_at: number;
  expires_at: number;
}

/** A message that has not arrived. It outlives its job and its vault, and so refers to neither. */
export interface NotificationRow {
  id: string;
  account_id: string;
  vault_arn: string;
  job_id: string;
  topic: string;
  message: string;
  created_at: number;
  due_at: number;
  give_up_at: number;
  attempts: number;
  lease_until: number | null;
  fence: number;
  state: NotificationState;
  failed_at: number | null;
  last_error: string | null;
}

/** A damaged place of an archive or inventory, with the facts that are shown of it. */
export interface DamageRow {
  owner_id: string;
  owner_kind: "archive" | "inventory";
  /** Within the owner, as is the last byte. */
  first_byte: number;
  last_byte: number;
  /** Empty when no segment is known to hold the bytes. */
  segment_key: string;
  reason: string;
  found_at: number;
  account_id: string;
  region: string;
  vault_name: string;
  description: string;
  size_bytes: number;
}

/** The only row: the range that is being read, and when the new segments were read last. */
export interface ScrubRow {
  id: 1;
  /** Null between two ranges, as the other columns of the cursor. */
  cursor_range: number | null;
  cursor_began_at: number | null;
  /** Name of the last segment that was read; null at the beginning of the range. */
  cursor_after: Uint8Array | null;
  new_read_at: number | null;
}

/** The segments whose names begin with this byte. */
export interface ScrubRangeRow {
  first_byte: number;
  /** When the last complete reading began. */
  read_at: number;
}

/** A segment that was stored and is still to be read back. Written by a trigger on `segments`. */
export interface ScrubQueueRow {
  sequence: Generated<number>;
  name: Uint8Array;
}

/** The only row. */
export interface TrustedTimeRow {
  id: 1;
  high_water: number;
  /** When that was, by the clock that counts from the machine's boot; null, like those of the boot, from earlier versions. */
  monotonic: number | null;
  boot_id: string | null;
  boot_time: number | null;
  boot_monotonic: number | null;
  unproven: number;
}

/** The only row. */
export interface HistoryRow {
  id: 1;
  /** Grows with every opening and every closing. */
  generation: number;
  /** When the present or last run began, by the system's clock. */
  opened_at: number | null;
}

/** The only row. A null account or region is decided by the next start. */
export interface InstallationRow {
  id: 1;
  account_id: string | null;
  region: string | null;
  unshown_key_id: string | null;
}

/** One entry of the audit trail; `hash` covers the previous entry's hash and all other columns. */
export interface AuditEntryRow {
  seq: number;
  time: number;
  account_id: string | null;
  principal: string | null;
  access_key_id: string | null;
  address: string | null;
  operation: string;
  vault: string | null;
  subject: string | null;
  outcome: AuditOutcome;
  reason: string | null;
  request_id: string | null;
  /** A SHA-256. */
  hash: Uint8Array;
}

/** The only row. */
export interface AuditStateRow {
  id: 1;
  /** The last entry that was pruned, and its hash; 0 and zeros when none was. */
  pruned_seq: number;
  pruned_hash: Uint8Array;
  /** The log on the outside has all entries up to this one. */
  logged_seq: number;
  /** The key that signs anchors, sealed with the data key; null before it was needed. */
  sealed_key: Uint8Array | null;
}
