import type { CatalogDatabase } from "../catalog-database.ts";

/** An upload that was sent, or was about to be, and whose archive is not recorded. */
export interface SentUpload {
  /** The decoded path. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** The id by which a Moraine server recognises the request. */
  readonly invocationId: string;
  readonly sentAt: Date;
}

/** An uploaded archive whose line the manifest lacks. */
export interface UnlistedUpload {
  /** The number of its archive. */
  readonly number: number;
  /** Null if its bytes were not hashed in order. */
  readonly sha256: string | null;
}

/** Uploads between their first byte and their records, so that a run after a kill knows what is uncertain. */
export class UploadTable {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Records an upload that is about to be sent, in the place of an earlier one of this path. */
  sending({ path, sizeBytes, treeHash, invocationId, sentAt }: SentUpload): void {
    this.#database.run(
      "INSERT OR REPLACE INTO sent_uploads VALUES (?, ?, ?, ?, ?)",
      path,
      sizeBytes,
      Buffer.from(treeHash, "hex"),
      invocationId,
      sentAt.getTime(),
    );
  }

  sent(path: string): SentUpload | null {
    const row = this.#database.get<SentRow>("SELECT * FROM sent_uploads WHERE path = ?", path);
    return row === undefined ? null : sentOf(row);
  }

  /** Forgets the upload of a path: its archive is recorded, or was not stored. */
  forget(path: string): void {
    this.#database.run("DELETE FROM sent_uploads WHERE path = ?", path);
  }

  /** Records that the manifest needs a line for an archive. */
  unlisted({ number, sha256 }: UnlistedUpload): void {
    const hash = sha256 === null ? null : Buffer.from(sha256, "hex");
    this.#database.run("INSERT OR REPLACE INTO unlisted_uploads VALUES (?, ?)", number, hash);
  }

  /** Records that the manifest has the line. */
  listed(number: number): void {
    this.#database.run("DELETE FROM unlisted_uploads WHERE number = ?", number);
  }

  /** Returns the first archives whose lines the manifest lacks: a run that was killed leaves a few. */
  firstUnlisted(limit: number): UnlistedUpload[] {
    const rows = this.#database.all<UnlistedRow>(
      "SELECT number, sha256 FROM unlisted_uploads ORDER BY number LIMIT ?",
      limit,
    );
    return rows.map(({ number, sha256 }) => ({ number, sha256: sha256 === null ? null : hexOf(sha256) }));
  }
}

interface SentRow {
  readonly path: string;
  readonly size_bytes: number;
  readonly tree_hash: Uint8Array;
  readonly invocation_id: string;
  readonly sent_at: number;
}

interface UnlistedRow {
  readonly number: number;
  readonly sha256: Uint8Array | null;
}

function sentOf({ path, size_bytes, tree_hash, invocation_id, sent_at }: SentRow): SentUpload {
  return {
    path,
    sizeBytes: size_bytes,
    treeHash: hexOf(tree_hash),
    invocationId: invocation_id,
    sentAt: new Date(sent_at),
  };
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
