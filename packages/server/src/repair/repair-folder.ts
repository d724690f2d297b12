import { join } from "node:path";
import { idLengths } from "@moraine/protocol";
import { systemClock } from "../clock/clocks.ts";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { correctCounters } from "../storage/metadata/correct-counters.ts";
import type { Action } from "./action.ts";
import { blobsOf, lockFolder, NewDatabase, openOwnDatabase } from "./apply/drivers.ts";
import { returnFile } from "./apply/return-file.ts";
import { RepairTarget } from "./apply/target.ts";
import { linkArchives } from "./archives.ts";
import { clearFiles } from "./files.ts";
import { decide } from "./plan/decide.ts";
import { type KnownRows, noRows, rowsOf } from "./plan/known-rows.ts";
import { type FolderToRepair, openForRepair, stateOf } from "./plan/open-for-repair.ts";
import { soundQuarantined } from "./plan/quarantined.ts";
import { scan } from "./plan/scan.ts";
import { SegmentIndex } from "./plan/segment-index.ts";
import { rowHasherOf, type WrongCounters, wrongCounters } from "./plan/wrong-counters.ts";
import { counting, type Report } from "./report.ts";
import { repairSuspects } from "./suspects.ts";

export interface Options {
  readonly isApplied: boolean;
  readonly isRebuilt: boolean;
  readonly sealingKeyFile: string | null;
  makeTemporaryFolder(): string;
}

/** One run of a repair. */
interface Repair {
  readonly folder: FolderToRepair;
  readonly index: SegmentIndex;
  readonly rows: KnownRows;
  readonly blobs: BlobStore;
  print(action: Action): void;
  /** Vaults whose counters alone were changed. */
  readonly counters: readonly WrongCounters[];
}

/** Repairs a data folder, or says what it would do. Returns how many things are left to do; throws when it cannot run. */
export async function repairFolder(given: string, options: Options, report: Report): Promise<number> {
  using folder = await openForRepair(given, options);
  using index = new SegmentIndex(options.makeTemporaryFolder());
  const rows = folder.database === null ? noRows : rowsOf(folder.database, folder.isRestored);
  const blobs = blobsOf(folder.path);
  await scan(join(folder.path, "blobs"), { blobs, rows, index });
  await decide({ blobs, rows, index });
  const { totals, print } = counting(report);
  const counters = await findWrongCounters(folder, options);
  const repair = { folder, index, rows, blobs, counters, print };
  await (options.isApplied ? apply(repair, options) : plan(repair));
  report.summary(totals, options.isApplied);
  return totals.left + (options.isApplied ? 0 : totals.actions);
}

async function plan(repair: Repair): Promise<void> {
  const { folder, print } = repair;
  printLoss(repair);
  printCounters(repair);
  await linkArchives({ ...repair, target: null });
  const returned = await returnSegments(repair, false);
  await repairSuspects({ ...repair, database: folder.database, store: null, returned });
  await clearFiles({ index: repair.index, dataFolder: null, print });
}

/** Many at once would mean that the key is another, or the database another's: then a backup has to be restored. */
const correctionsMax = 1000;

async function findWrongCounters({ database, path }: FolderToRepair, options: Options): Promise<WrongCounters[]> {
  const hasher = database === null ? null : rowHasherOf(database, path, options.sealingKeyFile);
  const found: WrongCounters[] = [];
  if (database !== null && hasher !== null) {
    for await (const vault of wrongCounters(database, hasher)) {
      found.push(vault);
      if (found.length === correctionsMax) {
        break;
      }
    }
  }
  return found;
}

function printCounters({ counters, print }: Repair): void {
  for (const { vault, counted } of counters) {
    print({ code: "vault-counted", message: counted, vault });
  }
}

/** Puts sound files back from the quarantine for segments that have none. Returns their keys. */
async function returnSegments({ folder, blobs, print }: Repair, isApplied: boolean): Promise<ReadonlySet<string>> {
  const returned = new Set<string>();
  if (folder.database === null) {
    return returned;
  }
  for await (const found of soundQuarantined(folder.path, { database: folder.database, blobs })) {
    if (isApplied) {
      await returnFile(folder.path, found);
    }
    returned.add(found.key);
    const archive = found.ownerId.length === idLengths.archive ? found.ownerId : undefined;
    const message = `every MiB of ${found.file} has its hash, and the file in its place is bad: ${found.problem}`;
    print({ code: "segment-returned", message, archive, file: `blobs/${found.key}` });
  }
  return returned;
}

function printLoss({ folder, print }: Repair): void {
  if (folder.lost !== null) {
    const message = `a new database is built from the segments: ${folder.lost}`;
    print({ code: "database-rebuilt", message, file: "moraine.db" });
  } else if (folder.isRestored) {
    const message = "the database is older than its folder: it was restored from a copy";
    print({ code: "history-adopted", message, file: "history.json" });
  }
}

async function apply(repair: Repair, options: Options): Promise<void> {
  const { folder, index, print } = repair;
  const locked = await lockFolder(folder.path);
  try {
    if (stateOf(folder.path) !== folder.state) {
      throw new Error(`A server has used ${folder.path} meanwhile: run the repair again`);
    }
    printLoss(repair);
    printCounters(repair);
    if (repair.counters.length > 0) {
      // Once it has been closed in order, it has no log.
      await withStore(await openOwnDatabase(locked, options), async () => undefined);
      const proven = repair.counters.map(({ right }) => right);
      await correctCounters(locked.databaseFile, proven);
    }
    if (folder.lost !== null) {
      await rebuild(repair, new NewDatabase(locked), options);
    }
    await withStore(await openOwnDatabase(locked, options), async (store) => {
      await ensureTrustedTime(store, index);
      if (folder.lost === null) {
        await linkArchives({ ...repair, target: new RepairTarget(store, repair.rows) });
        const returned = await returnSegments(repair, true);
        await repairSuspects({ ...repair, database: folder.database, store, returned });
      }
    });
    await clearFiles({ index, dataFolder: folder.path, print });
  } finally {
    await locked.release();
  }
}

async function rebuild(repair: Repair, database: NewDatabase, options: Options): Promise<void> {
  await withStore(await database.open(options), async (store) => {
    await linkArchives({ ...repair, target: new RepairTarget(store, repair.rows) });
  });
  await database.publish();
}

/** Policies judge by this time from the first request on. */
async function ensureTrustedTime(store: MetadataStore, index: SegmentIndex): Promise<void> {
  if ((await store.trustedTime()) === null) {
    await store.raiseTrustedTime({
      highWater: Math.max(systemClock.now(), index.newestAt()),
      monotonic: 0,
      boot: null,
    });
  }
}

async function withStore(store: MetadataStore, work: (store: MetadataStore) => Promise<void>): Promise<void> {
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
