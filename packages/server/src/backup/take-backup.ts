import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { millisecondsPer } from "@moraine/protocol";
import { removalLockName } from "../storage/blobs/removal-lock.ts";
import { takeReaderLock } from "../storage/reader-lock.ts";
import { assertFiles, type OpenedFolder, type OpenOptions, openFolder } from "../verify/open-folder.ts";
import { BackupFolderError } from "./backup-folder.ts";
import { type CopyTotals, copySegments, type Missing } from "./copy-segments.ts";
import { copyDatabase, factsOfKnownSchema } from "./database-copy.ts";
import { assertContinues, nameAfter } from "./earlier.ts";
import { copyKey, keyPlace } from "./key-copy.ts";
import { hashOfFile, type Manifest } from "./manifest.ts";
import { Pace } from "./pace.ts";
import type { BackupPlace, UnfinishedBackup } from "./place.ts";
import { type Removed, removeExpired } from "./retention.ts";
import { SegmentFiles } from "./segment-files.ts";
import { type DatabaseFacts, Snapshot } from "./snapshot.ts";

export interface BackupOptions extends OpenOptions {
  readonly dataFolder: string;
  /** How many complete backups stay; null for all. */
  readonly keep: number | null;
  readonly keyTo: string | null;
  /** Bytes a second; null for no limit. */
  readonly maxRate: number | null;
  /** Whether the folder may hold backups of a history that the data folder does not continue. */
  readonly acceptLoss: boolean;
  readonly version: string;
  /** Opens the place of the backups, which must not be the data folder. */
  openPlace(dataFolder: string): Promise<BackupPlace>;
  now(): Date;
  onMissing(missing: Missing): void;
}

export interface BackupResult {
  readonly manifest: Manifest;
  readonly copied: Pick<CopyTotals, "copiedCount" | "copiedBytes">;
  readonly removed: Removed;
}

/** A removal of segments takes no longer, unless the disk is in trouble. */
const removalWaitMilliseconds = millisecondsPer.minute;

/**
 * Backs a data folder up, with its server running or stopped. A backup exists once its folder is renamed to its name, when all of it is
 * durable: interrupted before, the earlier ones are as they were, and the next one copies what is missing.
 */
export async function takeBackup(options: BackupOptions): Promise<BackupResult> {
  const dataFolder = await realpath(resolve(options.dataFolder)).catch((error: Error) => {
    throw new BackupFolderError(`The data folder ${options.dataFolder} cannot be opened: ${error.message}`);
  });
  assertFiles(dataFolder);
  await using place = await options.openPlace(dataFolder);
  await place.expireUnfinished();
  await using cleanup = new AsyncDisposableStack();
  // Before the database is copied: from here on no segment is removed that the copy refers to.
  const hold = takeReaderLock(join(dataFolder, removalLockName), removalWaitMilliseconds);
  if (hold === "held") {
    throw new BackupFolderError(`The server of ${dataFolder} has been removing segments for a minute: try again later`);
  }
  cleanup.defer(() => hold?.close());
  const startedAt = options.now();
  const name = nameAfter([...(await place.list()).map(({ name }) => name), ...(await place.expired())], startedAt);
  const unfinished = await place.begin(name);
  const facts = await copyMetadata({ dataFolder, place, unfinished, hasHold: hold !== null, cleanup }, options);
  const totals = await copyAllSegments(dataFolder, unfinished, options);
  const sealingKey = await keyPlace(dataFolder);
  if (options.keyTo !== null) {
    await copyKey(dataFolder, options.keyTo, place.folder);
  }
  const database = await hashOfFile(unfinished.database);
  const manifest: Manifest = {
    format: 1,
    name,
    startedAt: startedAt.toISOString(),
    completedAt: options.now().toISOString(),
    version: options.version,
    ...facts,
    database,
    segments: { count: totals.count, bytes: totals.bytes },
    missingSegments: totals.missing,
    sealingKey,
  };
  await unfinished.publish(manifest);
  const { copiedCount, copiedBytes } = totals;
  return { manifest, copied: { copiedCount, copiedBytes }, removed: await removeExpired(place, options.keep) };
}

/** Copies the database, and returns what is said of it in the manifest. */
async function copyMetadata(
  at: {
    readonly dataFolder: string;
    readonly place: BackupPlace;
    readonly unfinished: UnfinishedBackup;
    readonly hasHold: boolean;
    readonly cleanup: AsyncDisposableStack;
  },
  options: BackupOptions,
): Promise<DatabaseFacts> {
  const source = await openFolder(at.dataFolder, options);
  try {
    assertHeld(source, at.hasHold);
    const facts = factsOfKnownSchema(source);
    if (!options.acceptLoss) {
      assertContinues(await at.place.list(), { facts, database: source.database, path: source.path });
    }
    await copyDatabase(source.database, at.unfinished.database);
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
  if (at.hasHold) {
    // The server may start again.
    await source[Symbol.asyncDispose]();
  } else {
    at.cleanup.use(source);
  }
  await at.unfinished.keepDatabase();
  using snapshot = new Snapshot(at.unfinished.database);
  return snapshot.facts();
}

/** Without the file that holds removals off, the lock of a stopped server does, for as long as the backup takes. */
function assertHeld({ isRunning, path }: OpenedFolder, hasHold: boolean): void {
  if (isRunning && !hasHold) {
    throw new BackupFolderError(
      `The server of ${path} is of a version that removes segments during backups: restart it`,
    );
  }
}

async function copyAllSegments(
  dataFolder: string,
  { database, segments }: UnfinishedBackup,
  { maxRate, onMissing }: BackupOptions,
): Promise<CopyTotals> {
  using snapshot = new Snapshot(database);
  const from = new SegmentFiles(dataFolder);
  return await copySegments(snapshot, { from, to: segments, pace: new Pace(maxRate), onMissing });
}
