import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DamagedRow } from "../../src/domain/stores/metadata-store.ts";
import { findDamage } from "../../src/storage/metadata/sqlite/database-check.ts";
import { openReadOnly } from "../../src/storage/metadata/sqlite/sqlite-database.ts";
import { RowHasher } from "../../src/storage/metadata/tables/row-macs/row-hasher.ts";
import { type Answers, decisionsOf, type FullDatabase, fillEveryTable, readsOf } from "./full-database.ts";
import { openInlineStore } from "./inline-store.ts";
import { testSecret } from "./row-secret.ts";

/** The service's view of a database that was changed. */
export interface Seen {
  /** Findings of the check of the database. */
  readonly named: readonly string[];
  /** Rows that calls met. */
  readonly met: readonly string[];
  readonly answers: Answers;
}

/** A database with rows in every table, of which copies are changed while no server runs. */
export class Tampering implements AsyncDisposable {
  readonly original: string;
  readonly full: FullDatabase;
  readonly #folder: string;

  private constructor(folder: string, original: string, full: FullDatabase) {
    this.#folder = folder;
    this.original = original;
    this.full = full;
  }

  static async start(): Promise<Tampering> {
    const folder = await mkdtemp(join(tmpdir(), "moraine-tampering-"));
    const original = join(folder, "original.db");
    const store = await openInlineStore(original);
    const full = await fillEveryTable(store);
    await store.close();
    return new Tampering(folder, original, full);
  }

  /** Changes a copy, checks it, and asks it everything. Rejects when a start refuses it. */
  async seenAfter(change: (path: string) => void | Promise<void>): Promise<Seen> {
    const path = join(this.#folder, "changed.db");
    await copyFile(this.original, path);
    await change(path);
    const met: DamagedRow[] = [];
    const store = await openInlineStore(path, { onDamagedRow: (row) => met.push(row) });
    try {
      const named = findingsIn(path);
      const answers = { ...(await readsOf(store, this.full)), ...(await decisionsOf(store, this.full)) };
      return { named, met: met.map(({ table, row }) => `${table}: ${row}`), answers };
    } finally {
      await store.close().catch(() => undefined);
      await rm(`${path}-wal`, { force: true });
      await rm(`${path}-shm`, { force: true });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#folder, { recursive: true });
  }
}

/** Findings of the check of a database at rest. */
export function findingsIn(path: string): string[] {
  const named: string[] = [];
  const onDamagedRow = ({ table, row }: DamagedRow) => named.push(`${table}: ${row}`);
  const database = openReadOnly(path);
  const hasher = new RowHasher(testSecret.key);
  for (const check = findDamage({ database, hasher, onDamagedRow }); ; ) {
    const step = check.next();
    if (step.done === true) {
      database.close();
      return [...named, ...(step.value === null ? [] : [step.value])];
    }
  }
}
