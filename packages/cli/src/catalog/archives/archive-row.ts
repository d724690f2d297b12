import type { SQLInputValue } from "node:sqlite";
import { idColumn, packId, textKey, unpackId } from "../packed-id.ts";

/** In the order of the numbers that the table has. */
export const archiveStates = ["present", "uploaded", "vanished", "deleted"] as const;

/**
 * "present": listed by the newest inventory. "uploaded": by this program, and in no inventory yet. "vanished": a newer inventory misses it.
 * "deleted": by this program.
 */
export type ArchiveState = (typeof archiveStates)[number];

/** An archive as it is added. */
export interface NewArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly description: string;
  readonly createdAt: Date;
  /** The decoded path, as in the description: not safe for a disk. Empty if there is none. */
  readonly path: string;
  /** The format of the description, by which the path was decoded. */
  readonly format: string;
  readonly modifiedAt: Date | null;
}

export interface CatalogArchive extends NewArchive {
  /** The same as long as the catalogue exists. */
  readonly number: number;
  readonly state: ArchiveState;
  /** When the archive was seen to have vanished, or was deleted. */
  readonly stateAt: Date | null;
}

export interface ArchiveRow {
  readonly number: number;
  /** See idColumn. */
  readonly id: string;
  readonly size_bytes: number;
  readonly tree_hash: string;
  readonly description: string;
  readonly created_at: number;
  readonly path: string | null;
  readonly format: number;
  readonly modified_at: number | null;
  readonly state: number;
  readonly state_at: number | null;
}

export const archiveColumns = `number, ${idColumn}, size_bytes, lower(hex(tree_hash)) AS tree_hash, description, created_at, path, format,
  modified_at, state, state_at`;

export const insertArchive = `
INSERT INTO archives (id, id_key, size_bytes, tree_hash, description, created_at, path, format, modified_at, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export function archiveValues(archive: NewArchive, format: number, state: ArchiveState): SQLInputValue[] {
  return [packId(archive.archiveId), textKey(archive.archiveId), ...detailValues(archive, format), stateNumber(state)];
}

/** The values that an inventory may correct, in the order of the columns. */
export function detailValues(archive: NewArchive, format: number): SQLInputValue[] {
  const { sizeBytes, treeHash, description, createdAt, path, modifiedAt } = archive;
  return [
    sizeBytes,
    Buffer.from(treeHash, "hex"),
    description,
    createdAt.getTime(),
    path === description ? null : path,
    format,
    modifiedAt?.getTime() ?? null,
  ];
}

export const stateNumber = (state: ArchiveState): number => archiveStates.indexOf(state);

export function archiveOf(row: ArchiveRow, formatName: (number: number) => string): CatalogArchive {
  const { created_at, modified_at, state_at } = row;
  return {
    number: row.number,
    archiveId: unpackId(row.id),
    sizeBytes: row.size_bytes,
    treeHash: row.tree_hash,
    description: row.description,
    createdAt: new Date(created_at),
    path: row.path ?? row.description,
    format: formatName(row.format),
    modifiedAt: modified_at === null ? null : new Date(modified_at),
    state: archiveStates[row.state] ?? "present",
    stateAt: state_at === null ? null : new Date(state_at),
  };
}
