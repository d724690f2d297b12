import type { ArchiveId, TreeHash, UploadId } from "@moraine/protocol";
import type { Archive } from "../../domain/archive.ts";
import { invariant } from "../../domain/invariant.ts";
import type { MultipartUpload } from "../../domain/multipart-upload.ts";
import type { Segment } from "../../domain/segment.ts";
import type { ArchiveRow, SegmentRow, UploadRow } from "./schema.ts";

export function archiveOf(row: ArchiveRow): Archive {
  return {
    id: row.id as ArchiveId,
    vaultId: row.vault_id,
    description: row.description,
    sizeBytes: row.size_bytes,
    treeHash: row.tree_hash as TreeHash,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
  };
}

export function archiveRow(archive: Archive, createdRevision: number): ArchiveRow {
  return {
    id: archive.id,
    vault_id: archive.vaultId,
    description: archive.description,
    size_bytes: archive.sizeBytes,
    tree_hash: archive.treeHash,
    created_at: archive.createdAt,
    created_revision: createdRevision,
    deleted_at: null,
    deleted_revision: null,
  };
}

export function segmentOf(row: SegmentRow): Segment {
  return {
    key: row.key,
    ownerId: row.owner_id,
    firstByte: present(row.first_byte),
    sizeBytes: present(row.size_bytes),
    treeHash: present(row.tree_hash) as TreeHash,
  };
}

export function uploadOf(row: UploadRow): MultipartUpload {
  return {
    id: row.id as UploadId,
    vaultId: row.vault_id,
    archiveId: row.archive_id as ArchiveId,
    description: row.description,
    partSizeBytes: row.part_size_bytes,
    createdAt: row.created_at,
  };
}

export function uploadRow(upload: MultipartUpload): UploadRow {
  return {
    id: upload.id,
    vault_id: upload.vaultId,
    archive_id: upload.archiveId,
    description: upload.description,
    part_size_bytes: upload.partSizeBytes,
    created_at: upload.createdAt,
    active_at: upload.createdAt,
    state: "open",
    ended_at: null,
    parts_revision: 0,
  };
}

/** For columns that the row's state or kind fills. */
export function present<Value>(value: Value | null): Value {
  invariant(value !== null, "a row has every column that its state and kind call for");
  return value;
}
