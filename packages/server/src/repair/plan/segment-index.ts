import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SegmentKind } from "../../domain/segment.ts";

/** Fate of a file that the database does not know. `kept`: where it is, for a row that is made or for the operator. */
export type Fate = "undecided" | "single" | "manifest" | "kept" | "orphan";

/** A file of a segment that the database does not know, as its footer describes it. */
export interface UnknownFile {
  readonly key: string;
  /** By the file's name. */
  readonly owner: string;
  /** Null when the footer has none, or cannot be read. */
  readonly kind: SegmentKind | null;
  readonly first_byte: number;
  readonly size_bytes: number;
  readonly tree_hash: string;
  readonly vault_arn: string;
  readonly description: string;
  readonly stored_at: number;
  /** Why it is no sound segment; null when its footer is sound. */
  readonly problem: string | null;
}

export interface DecidedFile extends UnknownFile {
  readonly fate: Fate;
  readonly reason: string;
}

export interface RebuiltVault {
  readonly vault_arn: string;
  readonly first_stored_at: number;
  readonly archives: number;
}

const pageRows = 500;

/**
 * Keeps the unknown files of a folder on the disk while their fate is decided: there may be as many as there are segments. It is
 * removed with its folder.
 */
export class SegmentIndex implements Disposable {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #decide: StatementSync;
  readonly #decideRest: StatementSync;

  constructor(folder: string) {
    this.#database = new DatabaseSync(join(folder, "segments.db"));
    this.#database.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;
      CREATE TABLE files (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT, first_byte INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
        tree_hash TEXT NOT NULL, vault_arn TEXT NOT NULL, description TEXT NOT NULL, stored_at INTEGER NOT NULL,
        problem TEXT, fate TEXT NOT NULL DEFAULT 'undecided', reason TEXT NOT NULL DEFAULT ''
      ) WITHOUT ROWID;
      CREATE TABLE foreign_files (path TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE INDEX files_by_owner ON files (owner, key);
      CREATE INDEX files_by_fate ON files (fate, stored_at, key);`);
    this.#insert = this.#database.prepare(
      `INSERT INTO files (key, owner, kind, first_byte, size_bytes, tree_hash, vault_arn, description, stored_at, problem)
       VALUES (:key, :owner, :kind, :first_byte, :size_bytes, :tree_hash, :vault_arn, :description, :stored_at, :problem)`,
    );
    this.#decide = this.#database.prepare("UPDATE files SET fate = ?, reason = ? WHERE key = ?");
    // The other index would lead through all files that are not decided yet.
    this.#decideRest = this.#database.prepare(
      "UPDATE files INDEXED BY files_by_owner SET fate = ?, reason = ? WHERE owner = ? AND fate = 'undecided'",
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  add(file: UnknownFile): void {
    this.#insert.run({ ...file });
  }

  /** @param path below `blobs/`, of what is no segment. */
  addForeign(path: string): void {
    this.#database.prepare("INSERT INTO foreign_files VALUES (?)").run(path);
  }

  *foreign(): Generator<string, void, void> {
    const next = this.#database.prepare("SELECT path FROM foreign_files WHERE path > ? ORDER BY path LIMIT 1");
    for (let row = next.get(""); row !== undefined; row = next.get(row["path"] as string)) {
      yield String(row["path"]);
    }
  }

  /** False when there is no such file. */
  decide(key: string, fate: Fate, reason: string): boolean {
    return this.#decide.run(fate, reason, key).changes === 1;
  }

  /** Decides all files of an owner that are not decided yet. */
  decideRest(owner: string, fate: Fate, reason: string): void {
    this.#decideRest.run(fate, reason, owner);
  }

  *owners(): Generator<string, void, void> {
    const next = this.#database.prepare("SELECT owner FROM files WHERE owner > ? ORDER BY owner LIMIT 1");
    for (let row = next.get(""); row !== undefined; row = next.get(row["owner"] as string)) {
      yield String(row["owner"]);
    }
  }

  /** The files of an owner that are no parts: few, however many parts there are. */
  withoutParts(owner: string): UnknownFile[] {
    return this.#database
      .prepare("SELECT * FROM files WHERE owner = ? AND kind IS NOT 'part' ORDER BY key LIMIT 10001")
      .all(owner) as unknown as UnknownFile[];
  }

  find(key: string): DecidedFile | undefined {
    return this.#database.prepare("SELECT * FROM files WHERE key = ?").get(key) as unknown as DecidedFile | undefined;
  }

  hasParts(owner: string): boolean {
    return (
      this.#database.prepare("SELECT 1 FROM files WHERE owner = ? AND kind = 'part' LIMIT 1").get(owner) !== undefined
    );
  }

  /** Files of one fate, in the order in which they were stored. */
  *ofFate(fate: Fate): Generator<DecidedFile, void, void> {
    const page = this.#database.prepare(
      `SELECT * FROM files WHERE fate = ? AND (stored_at, key) > (?, ?) ORDER BY stored_at, key LIMIT ${pageRows}`,
    );
    let rows: DecidedFile[];
    let at: [number, string] = [Number.MIN_SAFE_INTEGER, ""];
    do {
      rows = page.all(fate, ...at) as unknown as DecidedFile[];
      yield* rows;
      const last = rows.at(-1);
      at = last === undefined ? at : [last.stored_at, last.key];
    } while (rows.length === pageRows);
  }

  /** When the newest of the archives that are linked was stored; 0 when there is none. */
  newestAt(): number {
    const row = this.#database
      .prepare("SELECT max(stored_at) AS newest FROM files WHERE fate IN ('single', 'manifest')")
      .get();
    return Number(row?.["newest"] ?? 0);
  }

  /** The vaults of the archives that are linked. */
  vaults(): RebuiltVault[] {
    return this.#database
      .prepare(
        `SELECT vault_arn, min(stored_at) AS first_stored_at, sum(fate <> 'kept') AS archives FROM files
         WHERE fate IN ('single', 'manifest', 'kept') AND problem IS NULL
         GROUP BY vault_arn HAVING sum(fate <> 'kept') > 0 ORDER BY vault_arn`,
      )
      .all() as unknown as RebuiltVault[];
  }
}
