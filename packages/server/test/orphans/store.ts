import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BlobPage } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { type RowCheck, rowCheckOf } from "../../src/repair/orphans/row-check.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import type { RowReader } from "../../src/storage/metadata/row-reader.ts";
import { selectFrom } from "../../src/storage/metadata/sqlite/sqlite-rows.ts";
import { type Orphan, type Reconciled, reconcile } from "../../src/verify/orphans/reconcile.ts";
import { newFolder } from "../storage/watched-disk.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { testSecret } from "../support/row-secret.ts";

/** A database and blobs in a folder, and its rows as a reconciliation reads them. */
export interface TestPlace extends AsyncDisposable {
  readonly folder: string;
  readonly metadata: MetadataStore;
  readonly blobs: FilesystemBlobStore;
  readonly rows: RowReader;
  readonly rowCheck: RowCheck;
}

export async function openTestPlace(): Promise<TestPlace> {
  const folder = await newFolder();
  const blobs = new FilesystemBlobStore(folder);
  await blobs.prepare();
  const metadata = await openInlineStore(join(folder, "moraine.db"));
  const database = new DatabaseSync(join(folder, "moraine.db"), { readOnly: true });
  const rows = { name: folder, bindings: { read: async () => null }, select: selectFrom(database) };
  return {
    ...{ folder, metadata, blobs, rows, rowCheck: rowCheckOf(testSecret.key) },
    async [Symbol.asyncDispose]() {
      database.close();
      await metadata.close();
    },
  };
}

/** Moves the last change of a blob into the past. */
export async function makeOld({ folder }: Pick<TestPlace, "folder">, key: string, days = 2): Promise<void> {
  const time = Date.now() / 1000 - days * 24 * 3600;
  await utimes(join(folder, "blobs", key), time, time);
}

/** The list as it is now, for a comparison that gets it later. */
export async function listedNow({ blobs }: Pick<TestPlace, "blobs">): Promise<BlobPage[]> {
  const pages: BlobPage[] = [];
  for await (const page of blobs.list("")) {
    pages.push(page);
  }
  return pages;
}

export interface Compared {
  readonly orphans: Orphan[];
  readonly missing: string[];
  readonly foreign: string[];
  readonly totals: { objects: number; bytes: number; segments: number; young: number };
}

/** Compares with an age of a day. */
export async function compared(place: Reconciled): Promise<Compared> {
  const found: Compared = {
    orphans: [],
    missing: [],
    foreign: [],
    totals: { objects: 0, bytes: 0, segments: 0, young: 0 },
  };
  await reconcile(place, {
    olderThanMilliseconds: 24 * 3600 * 1000,
    totals: found.totals,
    step: async () => undefined,
    orphan: async (orphan) => void found.orphans.push(orphan),
    missing: ({ key }) => void found.missing.push(key),
    foreign: (name) => void found.foreign.push(name),
  });
  return found;
}
