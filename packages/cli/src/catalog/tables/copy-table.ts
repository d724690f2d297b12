import type { CatalogDatabase } from "../catalog-database.ts";
import { nextNumber } from "../next-position.ts";
import { idColumn, unpackId } from "../packed-id.ts";
import { CopyNames } from "./copy-names.ts";

/** In the order of the numbers that the table has. */
const copyStates = ["planned", "downloading", "verified", "failed"] as const;
export type CopyState = (typeof copyStates)[number];

/** The copy of an archive at a target. */
export interface CatalogCopy {
  /** The number of its archive. */
  readonly number: number;
  /** Safe for a disk, and unique at the target. */
  readonly path: string;
  readonly state: CopyState;
  readonly sizeBytes: number;
  /** Hexadecimal; null until the copy is verified. */
  readonly sha256: string | null;
  /** Its path, key or archive id at the target; null until the copy is verified. */
  readonly location: string | null;
  /** The reason why the last attempt failed. */
  readonly error: string | null;
  readonly attempts: number;
  readonly verifiedAt: Date | null;
  /** The last attempt failed because of one of the target's files. */
  readonly failedAtTarget: boolean;
}

export type CopyFacts = Partial<
  Pick<CatalogCopy, "sha256" | "location" | "error" | "attempts" | "verifiedAt" | "failedAtTarget">
>;

export interface CopyTotals {
  readonly copies: number;
  readonly bytes: number;
}

/** The copies of archives, by the targets that have them. */
export class CopyTable {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Returns the copies at a target, which is recorded as one. */
  of(targetUrl: string): TargetCopies {
    const target = this.#database.transaction(() => this.#numberOf(targetUrl));
    return new TargetCopies(this.#database, target);
  }

  targetUrls(): readonly string[] {
    return this.#database.all<{ url: string }>("SELECT url FROM targets ORDER BY number").map(({ url }) => url);
  }

  #numberOf(targetUrl: string): number {
    const known = this.#database.get<{ number: number }>("SELECT number FROM targets WHERE url = ?", targetUrl);
    return known?.number ?? this.#database.run("INSERT INTO targets (url) VALUES (?)", targetUrl).lastNumber;
  }
}

/** The copies at one target. */
export class TargetCopies {
  readonly #database: CatalogDatabase;
  readonly #target: number;
  #names: CopyNames;

  constructor(database: CatalogDatabase, target: number) {
    this.#database = database;
    this.#target = target;
    this.#names = new CopyNames(database, target);
  }

  /**
   * Reserves a path for the copy of an archive, and returns it: the wanted one, which is safe already, unless another copy has it or needs
   * it as a folder; see CopyNames. Returns the same path when called again.
   */
  plan(number: number, path: string): string {
    return this.#database.transaction(() => {
      const known = this.get(number);
      if (known !== null) {
        return known.path;
      }
      const archive = this.#archive(number);
      const given = this.#names.take(path, archive);
      this.#database.run(
        "INSERT INTO copies (target, number, path, state, size_bytes, attempts) VALUES (?, ?, ?, 0, ?, 0)",
        this.#target,
        number,
        given,
        archive.sizeBytes,
      );
      return given;
    });
  }

  /** Gives a planned copy another path, since the target has other content under this one. Returns the new one. */
  replan(number: number): string {
    return this.#database.transaction(() => {
      const known = this.get(number);
      if (known === null) {
        throw new Error(`Archive ${number} of the catalogue has no planned copy`);
      }
      const given = this.#names.take(known.path, this.#archive(number));
      this.#database.run("UPDATE copies SET path = ? WHERE target = ? AND number = ?", given, this.#target, number);
      return given;
    });
  }

  /** Forgets all copies, and makes their names free. */
  forget(): void {
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM copies WHERE target = ?", this.#target);
      this.#database.run("DELETE FROM copy_totals WHERE target = ?", this.#target);
      this.#database.run("DELETE FROM copy_names WHERE target = ?", this.#target);
      this.#names = new CopyNames(this.#database, this.#target);
    });
  }

  get(number: number): CatalogCopy | null {
    const row = this.#database.get<CopyRow>(`${selection} WHERE target = ? AND number = ?`, this.#target, number);
    return row === undefined ? null : copyOf(row);
  }

  /** Changes the state of a planned copy, and the facts that are given; others stay. Throws for a copy that is not planned. */
  setState(number: number, state: CopyState, facts: CopyFacts = {}): void {
    const { changes } = this.#database.run(
      `UPDATE copies SET state = ?, sha256 = ifnull(?, sha256), location = ifnull(nullif(?, path), location), error = ?,
         attempts = ifnull(?, attempts), verified_at = ifnull(?, verified_at), failed_at_target = ? WHERE target = ? AND number = ?`,
      copyStates.indexOf(state),
      facts.sha256 ? Buffer.from(facts.sha256, "hex") : null,
      facts.location ?? null,
      facts.error ?? null,
      facts.attempts ?? null,
      facts.verifiedAt?.getTime() ?? null,
      facts.failedAtTarget ? 1 : 0,
      this.#target,
      number,
    );
    if (changes === 0) {
      throw new Error(`Archive ${number} of the catalogue has no planned copy`);
    }
  }

  totals(): Readonly<Record<CopyState, CopyTotals>> {
    const rows = this.#database.all<CopyTotals & { state: number }>(
      "SELECT state, copies, bytes FROM copy_totals WHERE target = ?",
      this.#target,
    );
    const of = (state: CopyState): CopyTotals => {
      const { copies = 0, bytes = 0 } = rows.find((row) => copyStates[row.state] === state) ?? {};
      return { copies, bytes };
    };
    return Object.fromEntries(copyStates.map((state) => [state, of(state)])) as Record<CopyState, CopyTotals>;
  }

  /** Yields the copies in a state, by the numbers of their archives, in batches that are read one by one: they may change meanwhile. */
  async *inState(state: CopyState, { batchSize = 1000 } = {}): AsyncGenerator<readonly CatalogCopy[], void, void> {
    let after = 0;
    while (true) {
      const rows = this.#database.all<CopyRow>(
        `${selection} WHERE target = ? AND state = ? AND number > ? ORDER BY number LIMIT ?`,
        this.#target,
        copyStates.indexOf(state),
        after,
        batchSize,
      );
      if (rows.length === 0) {
        return;
      }
      yield rows.map(copyOf);
      after = nextNumber(after, rows.at(-1)?.number ?? after);
    }
  }

  #archive(number: number): { readonly createdAt: Date; readonly archiveId: string; readonly sizeBytes: number } {
    const row = this.#database.get<{ id: string; created_at: number; size_bytes: number }>(
      `SELECT ${idColumn}, created_at, size_bytes FROM archives WHERE number = ?`,
      number,
    );
    if (row === undefined) {
      throw new Error(`The catalogue has no archive ${number}`);
    }
    return { createdAt: new Date(row.created_at), archiveId: unpackId(row.id), sizeBytes: row.size_bytes };
  }
}

const selection =
  "SELECT number, path, state, size_bytes, sha256, location, error, attempts, verified_at, failed_at_target FROM copies";

interface CopyRow {
  readonly number: number;
  readonly path: string;
  readonly state: number;
  readonly size_bytes: number;
  readonly sha256: Uint8Array | null;
  readonly location: string | null;
  readonly error: string | null;
  readonly attempts: number;
  readonly verified_at: number | null;
  readonly failed_at_target: number;
}

function copyOf(row: CopyRow): CatalogCopy {
  const state = copyStates[row.state] ?? "planned";
  return {
    number: row.number,
    path: row.path,
    state,
    sizeBytes: row.size_bytes,
    sha256: row.sha256 === null ? null : Buffer.from(row.sha256).toString("hex"),
    location: row.location ?? (state === "verified" ? row.path : null),
    error: row.error,
    attempts: row.attempts,
    verifiedAt: row.verified_at === null ? null : new Date(row.verified_at),
    failedAtTarget: row.failed_at_target === 1,
  };
}
