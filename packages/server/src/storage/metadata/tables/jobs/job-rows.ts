import type { AccountId, ArchiveId, JobId, TreeHash } from "@moraine/protocol";
import {
  type ArchiveRetrievalJob,
  type InventoryOutput,
  type InventoryRetrievalJob,
  type Job,
  laneOf,
} from "../../../../domain/jobs/job.ts";
import { packId, unpackId } from "../packed.ts";
import { notNull } from "../rows.ts";
import type { JobRow } from "../schema.ts";

export function jobOf(row: JobRow): Job {
  return row.action === "ArchiveRetrieval" ? archiveJobOf(row) : inventoryJobOf(row);
}

/** The row of a new job: nobody has claimed it yet. */
export function jobRow(job: Job, accountId: AccountId): JobRow {
  return {
    id: job.id,
    vault_id: job.vaultId,
    account_id: accountId,
    lane: laneOf(job),
    action: job.action,
    description: job.description,
    sns_topic: job.snsTopic,
    created_at: job.createdAt,
    due_at: job.dueAt,
    state: job.state,
    status_message: job.statusMessage,
    completed_at: job.completedAt,
    lease_until: null,
    fence: 0,
    ...(job.action === "ArchiveRetrieval" ? archiveColumns(job) : noArchive),
    ...(job.action === "InventoryRetrieval" ? inventoryColumns(job) : noInventory),
  };
}

function baseOf(row: JobRow) {
  return {
    id: row.id as JobId,
    vaultId: row.vault_id,
    description: row.description,
    snsTopic: row.sns_topic,
    createdAt: row.created_at,
    dueAt: row.due_at,
    state: row.state,
    statusMessage: row.status_message,
    completedAt: row.completed_at,
  };
}

function archiveJobOf(row: JobRow): ArchiveRetrievalJob {
  return {
    ...baseOf(row),
    action: "ArchiveRetrieval",
    archiveId: unpackId({ head: notNull(row.archive_head), tail: notNull(row.archive_tail) }) as ArchiveId,
    archiveSizeBytes: notNull(row.archive_size_bytes),
    archiveTreeHash: notNull(row.archive_tree_hash) as TreeHash,
    archiveDescription: notNull(row.archive_description),
    tier: notNull(row.tier),
    range: { firstByte: notNull(row.range_first_byte), lastByte: notNull(row.range_last_byte) },
    rangeTreeHash: row.range_tree_hash as TreeHash | null,
  };
}

function inventoryJobOf(row: JobRow): InventoryRetrievalJob {
  return {
    ...baseOf(row),
    action: "InventoryRetrieval",
    format: notNull(row.inventory_format),
    selection: {
      startDate: row.inventory_start_date,
      endDate: row.inventory_end_date,
      limit: row.inventory_limit,
      marker: row.inventory_marker,
    },
    output: outputOf(row),
  };
}

function outputOf(row: JobRow): InventoryOutput | null {
  if (row.output_key === null) {
    return null;
  }
  return {
    segmentKey: row.output_key,
    sizeBytes: notNull(row.output_size_bytes),
    nextMarker: row.output_next_marker,
  };
}

function archiveColumns(job: ArchiveRetrievalJob) {
  const { head, tail } = packId(job.archiveId);
  return {
    archive_head: head,
    archive_tail: tail,
    archive_size_bytes: job.archiveSizeBytes,
    archive_tree_hash: job.archiveTreeHash,
    archive_description: job.archiveDescription,
    tier: job.tier,
    range_first_byte: job.range.firstByte,
    range_last_byte: job.range.lastByte,
    range_tree_hash: job.rangeTreeHash,
  };
}

const noArchive = {
  archive_head: null,
  archive_tail: null,
  archive_size_bytes: null,
  archive_tree_hash: null,
  archive_description: null,
  tier: null,
  range_first_byte: null,
  range_last_byte: null,
  range_tree_hash: null,
};

function inventoryColumns(job: InventoryRetrievalJob) {
  return {
    inventory_format: job.format,
    inventory_start_date: job.selection.startDate,
    inventory_end_date: job.selection.endDate,
    inventory_limit: job.selection.limit,
    inventory_marker: job.selection.marker,
    output_key: job.output?.segmentKey ?? null,
    output_size_bytes: job.output?.sizeBytes ?? null,
    output_next_marker: job.output?.nextMarker ?? null,
  };
}

const noInventory = {
  inventory_format: null,
  inventory_start_date: null,
  inventory_end_date: null,
  inventory_limit: null,
  inventory_marker: null,
  output_key: null,
  output_size_bytes: null,
  output_next_marker: null,
};
