import type { Schema } from "../schema.ts";

interface SealedTable<Row> {
  /** Name a row; an index finds it by the first. */
  readonly key: readonly [keyof Row, ...(keyof Row)[]];
  /** Covered by the MAC in this order. docs/storage-format.md has the same lists. */
  readonly columns: readonly (keyof Row)[];
  /** Columns that the MAC does not cover. No answer and no decision about stored data depends on them. */
  readonly leftOut?: readonly (keyof Row)[];
}

type SealedTables = { readonly [Name in keyof Schema]?: SealedTable<Omit<Schema[Name], "mac">> };

/**
 * Tables whose rows have a MAC. A new column of such a table is added to `columns`, and its migration checks the rows without it and seals
 * them with it; or to `leftOut`, with its reason. A new table is added here, and its migration gives it a column `mac`.
 */
export const sealedTables = {
  accounts: { key: ["id"], columns: ["id", "created_at"] },
  users: { key: ["id"], columns: ["id", "account_id", "name", "created_at"] },
  user_policies: { key: ["user_id", "name"], columns: ["user_id", "name", "document"] },
  access_keys: {
    key: ["id"],
    columns: [
      "id",
      "account_id",
      "sealed_secret",
      "created_at",
      "user_id",
      "active",
      "session_token_hash",
      "session_expires_at",
      "is_given",
    ],
  },
  data_keys: { key: ["id"], columns: ["id", "wrapped", "created_at"] },
  vaults: {
    key: ["id"],
    columns: [
      "id",
      "account_id",
      "region",
      "name",
      "created_at",
      "archive_count",
      "archive_bytes",
      "archive_sum",
      "revision",
      "access_version",
      "inventory_taken_at",
      "inventory_revision",
      "inventory_archive_count",
      "inventory_archive_bytes",
      "inventory_archive_sum",
      "inventory_newest_at",
      "inventory_due_from",
      "access_policy",
      "lock_policy",
      "lock_id",
      "lock_state",
      "lock_created_at",
      "lock_expires_at",
      "notification_topic",
      "notification_events",
      "tags",
    ],
  },
  removed_vaults: { key: ["id"], columns: ["id", "removed_at"] },
  archives: {
    key: ["id_head"],
    columns: [
      "id_head",
      "id_tail",
      "vault_id",
      "description",
      "size_bytes",
      "tree_hash",
      "created_at",
      "created_revision",
      "deleted_at",
      "deleted_revision",
      "listed",
    ],
  },
  segments: {
    key: ["name"],
    columns: ["name", "owner_head", "owner_tail", "state", "first_byte", "size_bytes", "tree_hash", "deleted_at"],
    // Leases are of pending segments alone, which nothing refers to: without its lease an upload fails before it is acknowledged.
    leftOut: ["lease_until"],
  },
  upload_requests: { key: ["key"], columns: ["key", "archive_head", "made_at"] },
  releases: { key: ["owner_id"], columns: ["owner_id", "from_byte", "released_at"] },
  uploads: {
    key: ["id"],
    columns: [
      "id",
      "vault_id",
      "archive_head",
      "archive_tail",
      "description",
      "part_size_bytes",
      "created_at",
      "active_at",
      "state",
      "ended_at",
      "parts_revision",
    ],
  },
  jobs: {
    key: ["id"],
    columns: [
      "id",
      "vault_id",
      "account_id",
      "lane",
      "action",
      "description",
      "sns_topic",
      "created_at",
      "due_at",
      "state",
      "status_message",
      "completed_at",
      "archive_head",
      "archive_tail",
      "archive_size_bytes",
      "archive_tree_hash",
      "archive_description",
      "tier",
      "range_first_byte",
      "range_last_byte",
      "range_tree_hash",
      "inventory_format",
      "inventory_start_date",
      "inventory_end_date",
      "inventory_limit",
      "inventory_marker",
      "output_key",
      "output_size_bytes",
      "output_next_marker",
    ],
    // The claim of a runner, which ends with the process: with another one a job runs later, or twice with the same result.
    leftOut: ["lease_until", "fence"],
  },
  data_retrieval_policies: {
    key: ["account_id", "region"],
    columns: ["account_id", "region", "strategy", "bytes_per_hour"],
  },
  retrieved_bytes: {
    key: ["account_id", "region", "day"],
    columns: ["account_id", "region", "day", "bytes"],
  },
  capacity_units: { key: ["id"], columns: ["id", "account_id", "region", "started_at", "expires_at"] },
  notifications: {
    key: ["id"],
    columns: ["id", "account_id", "vault_arn", "job_id", "topic", "message", "created_at"],
    // How far the delivery is: with other values a message is sent later, again, or counts as failed, which is shown.
    leftOut: ["due_at", "give_up_at", "attempts", "lease_until", "fence", "state", "failed_at", "last_error"],
  },
  trusted_time: {
    key: ["id"],
    columns: ["id", "high_water", "monotonic", "boot_id", "boot_time", "boot_monotonic", "unproven"],
  },
  installation: { key: ["id"], columns: ["id", "account_id", "region", "unshown_key_id"] },
} as const satisfies SealedTables;

export type SealedTableName = keyof typeof sealedTables;

/**
 * Tables without MACs. `jobs_in_progress` is written by triggers, which cannot compute one, and only limits how many jobs may be
 * started. `used_signatures` says all by the existence of a row, which no MAC proves. `damage` adds to what is refused, and reads
 * are verified without it. The scrub's tables say what is read
 * back when, and a trigger writes one of them. `history` is compared with a file outside the database, and the audit trail has a chain of its own.
 */
export const unsealedTables = [
  "jobs_in_progress",
  "used_signatures",
  "damage",
  "scrub",
  "scrub_ranges",
  "scrub_queue",
  "history",
  "audit_entries",
  "audit_state",
] as const satisfies readonly Exclude<keyof Schema, SealedTableName>[];
