import { randomFillSync } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { newUploadId } from "../packages/server/src/domain/new-id.ts";

export const mebibyte = 1024 ** 2;
export const partsOfUpload = 10_000;

export interface Owner {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** Writes rows as the server would, with random ids and hashes; each archive, segment and part is of 1 MiB. */
export class RowWriter {
  readonly #database: DatabaseSync;
  readonly #archive;
  readonly #segment;
  #pool = Buffer.alloc(0);
  #poolUsed = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#archive = database.prepare(`
      INSERT INTO archives (id_head, id_tail, vault_id, description, size_bytes, tree_hash, created_at, created_revision,
        deleted_at, deleted_revision, listed) VALUES (?, ?, ?, ?, ${mebibyte}, ?, ?, ?, ?, ?, ?)`);
    this.#segment = database.prepare(`
      INSERT INTO segments (name, owner_head, owner_tail, state, first_byte, size_bytes, tree_hash)
        VALUES (?, ?, ?, 'live', ?, ${mebibyte}, ?)`);
  }

  archive(vault: string, at: { createdAt: number; revision: number; deletedAt: number | null }): Owner {
    const { head, tail } = this.#owner();
    const description = `photos/2019/holiday-${String(at.revision).padStart(8, "0")}.jpg`;
    const deletedRevision = at.deletedAt === null ? null : at.revision + 1;
    const listed = at.deletedAt === null ? 1 : 0;
    const row = [vault, description, this.#bytes(32), at.createdAt, at.revision, at.deletedAt, deletedRevision, listed];
    this.#archive.run(head, tail, ...row);
    return { head, tail };
  }

  segment({ head, tail }: Owner, firstByte: number): void {
    this.#segment.run(this.#bytes(14), head, tail, firstByte, this.#bytes(32));
  }

  upload(vault: string): Owner {
    const { head, tail } = this.#owner();
    this.#database
      .prepare(`
        INSERT INTO uploads (id, vault_id, archive_head, archive_tail, description, part_size_bytes, created_at, active_at,
          state, parts_revision) VALUES (?, ?, ?, ?, '', ${mebibyte}, ?, ?, 'open', ${partsOfUpload})`)
      .run(newUploadId(), vault, head, tail, Date.now(), Date.now());
    return { head, tail };
  }

  count(vault: string, archives: number, revisions: number): void {
    this.#database
      .prepare(`
        UPDATE vaults SET archive_count = archive_count + ?, archive_bytes = archive_bytes + ?, revision = revision + ?,
          inventory_due_from = coalesce(inventory_due_from, created_at) WHERE id = ?`)
      .run(archives, archives * mebibyte, revisions, vault);
  }

  /** The 138 characters of an id end four bits before its last byte does. */
  #owner(): Owner {
    const id = this.#bytes(104);
    id[103] = (id[103] ?? 0) & 0xf0;
    return { head: id.subarray(0, 16), tail: id.subarray(16) };
  }

  #bytes(length: number): Uint8Array {
    if (this.#poolUsed + length > this.#pool.length) {
      // Another one, since owners still refer to this one.
      this.#pool = randomFillSync(Buffer.allocUnsafe(mebibyte));
      this.#poolUsed = 0;
    }
    this.#poolUsed += length;
    return this.#pool.subarray(this.#poolUsed - length, this.#poolUsed);
  }
}
