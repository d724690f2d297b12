import type { DatabaseSync, StatementSync } from "node:sqlite";
import { packId, packKey } from "../../storage/metadata/tables/packed.ts";

/** Rows of the database before anything is repaired; none when it is lost. */
export interface KnownRows {
  /** The state of a segment; null without a row. */
  segment(key: string): string | null;
  /** Whether the row of a segment decides about its file. */
  isKnown(key: string): boolean;
  archive(archiveId: string): "live" | "deleted" | "none";
  /** The state of the upload that makes the archive. */
  upload(archiveId: string): { readonly id: string; readonly state: string } | null;
}

export const noRows: KnownRows = {
  segment: () => null,
  isKnown: () => false,
  archive: () => "none",
  upload: () => null,
};

/**
 * @param isRestored whether the database is older than the folder: then a segment that is pending in it may have been acknowledged
 * later.
 */
export function rowsOf(database: DatabaseSync, isRestored: boolean): KnownRows {
  const segment = database.prepare("SELECT state FROM segments WHERE name = ?");
  const archive = database.prepare("SELECT deleted_at FROM archives WHERE id_head = ? AND id_tail = ?");
  const upload = database.prepare("SELECT id, state FROM uploads WHERE archive_head = ? AND archive_tail = ?");
  const byId = (statement: StatementSync, id: string) => {
    const { head, tail } = packId(id);
    return statement.get(head, tail);
  };
  const stateOf = (key: string) => (segment.get(packKey(key))?.["state"] as string | undefined) ?? null;
  return {
    segment: stateOf,
    isKnown(key) {
      const state = stateOf(key);
      return state !== null && !(isRestored && state === "pending");
    },
    archive(id) {
      const row = byId(archive, id);
      return row === undefined ? "none" : row["deleted_at"] === null ? "live" : "deleted";
    },
    upload(id) {
      const row = byId(upload, id);
      return row === undefined ? null : { id: String(row["id"]), state: String(row["state"]) };
    },
  };
}
