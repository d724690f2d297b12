import type { ArchiveId, TreeHash, UploadId } from "@moraine/protocol";
import { invariant } from "../../../domain/invariant.ts";
import type { Segment, SegmentIntent } from "../../../domain/segment.ts";
import type { Archive } from "../../../domain/vaults/archive.ts";
import type { MultipartUpload } from "../../../domain/vaults/multipart-upload.ts";
import { packHash, packId, packKey, unpackHash, unpackId, unpackKey } from "./packed.ts";
import type { ArchiveRow, SegmentRow, UploadRow } from "./schema.ts";

export function archiveOf(row: ArchiveRow): Archive {
  return {
    id: unpackId({ head: row.id_head, tail: row.id_tail }) as ArchiveId,
    vaultId: row.vault_id,
    description: row.description,
    sizeBytes: row.size_bytes,
    treeHash: unpackHash(row.tree_hash) as TreeHash,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
  };
}

export function archiveRow(archive: Archive, createdRevision: number): ArchiveRow {
  const { head, tail } = packId(archive.id);
  return {
    id_head: head,
    id_tail: tail,
    vault_id: archive.vaultId,
    description: archive.description,
    size_bytes: archive.sizeBytes,
    tree_hash: packHash(archive.treeHash),
    created_at: archive.createdAt,
    created_revision: createdRevision,
    deleted_at: null,
    deleted_revision: null,
    listed: 1,
  };
}

export function segmentOf(row: SegmentRow): Segment {
  return {
    key: keyOf(row),
    ownerId: ownerIdOf(row),
    firstByte: notNull(row.first_byte),
    sizeBytes: notNull(row.size_bytes),
    treeHash: unpackHash(notNull(row.tree_hash)) as TreeHash,
  };
}

export function keyOf(row: Pick<SegmentRow, "name" | "owner_head" | "owner_tail">): string {
  return unpackKey(row.name, ownerIdOf(row));
}

/** The columns that hold a segment's key and owner. */
export function segmentName({ key, ownerId }: Pick<SegmentIntent, "key" | "ownerId">) {
  const { head, tail } = packId(ownerId);
  const columns = { name: packKey(key), owner_head: head, owner_tail: tail };
  invariant(keyOf(columns) === key, "a segment's key names its owner");
  return columns;
}

const ownerIdOf = ({ owner_head: head, owner_tail: tail }: Pick<SegmentRow, "owner_head" | "owner_tail">) =>
  unpackId({ head, tail });

export function uploadOf(row: UploadRow): MultipartUpload {
  return {
    id: row.id as UploadId,
    vaultId: row.vault_id,
    archiveId: archiveIdOf(row),
    description: row.description,
    partSizeBytes: row.part_size_bytes,
    createdAt: row.created_at,
  };
}

export function archiveIdOf({
  archive_head: head,
  archive_tail: tail,
}: Pick<UploadRow, "archive_head" | "archive_tail">) {
  return unpackId({ head, tail }) as ArchiveId;
}

export function uploadRow(upload: MultipartUpload): UploadRow {
  const { head, tail } = packId(upload.archiveId);
  return {
    id: upload.id,
    vault_id: upload.vaultId,
    archive_head: head,
    archive_tail: tail,
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
export function notNull<Value>(value: Value | null): Value {
  invariant(value !== null, "a row has every column that its state and kind call for");
  return value;
}
