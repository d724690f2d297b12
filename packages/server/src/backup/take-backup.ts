import { mkdir, realpath, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { millisecondsPer } from "@moraine/protocol";
import { syncPath } from "../files/sync-path.ts";
import { removalLockName } from "../storage/blobs/removal-lock.ts";
import { takeReaderLock } from "../storage/reader-lock.ts";
import { type OpenedFolder, type OpenOptions, openFolder } from "../verify/open-folder.ts";
import { type BackupFolder, BackupFolderError, openForBackup } from "./backup-folder.ts";
import { type CopyTotals, copySegments, type Missing } from "./copy-segments.ts";
import { copyDatabase, factsOfKnownSchema } from "./database-copy.ts";
import { assertContinues, nameAfter } from "./earlier.ts";
import { copyKey, keyPlace } from "./key-copy.ts";
import { databaseName, hashOfFile, listBackups, type Manifest, writeManifest } from "./manifest.ts";
import { Pace } from "./pace.ts";
import { expireUnfinished, type Removed, removeExpired } from "./retention.ts";
import { SegmentFiles } from "./segment-files.ts";
import { type DatabaseFacts, Snapshot } from "./snapshot.ts";

export interface BackupOptions extends OpenOptions {
  readonly dataFolder: string;
  readonly target: string;
  /** How many complete backups stay; null for all. */
  readonly keep: number | null;
  readonly keyTo: string | null;
  /** Bytes a second; null for no limit. */
  readonly maxRate: number | null;
  /** Whether the folder may hold backups of a history that the data folder does not continue. */
  readonly acceptLoss: boolean;
  readonly version: string;
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
  using folder = await openForBackup(options.target, dataFolder);
  await expireUnfinished(folder);
  await using cleanup = new AsyncDisposableStack();
  // Before the database is copied: from here on no segment is removed that the copy refers to.
  const hold = takeReaderLock(join(dataFolder, removalLockName), removalWaitMilliseconds);
  if (hold === "held") {
    throw new BackupFolderError(`The server of ${dataFolder} has been removing segments for a minute: try again later`);
  }
  cleanup.defer(() => hold?.close());
  const unfinished = await beginIn(folder, options);
  const facts = await copyMetadata({ dataFolder, folder, unfinished, hasHold: hold !== null, cleanup }, options);
  const totals = await copyAllSegments({ dataFolder, folder, unfinished }, options);
  const sealingKey = await keyPlace(dataFolder);
  if (options.keyTo !== null) {
    await copyKey(dataFolder, options.keyTo, folder.path);
  }
  const manifest = await manifestOf({ unfinished, facts, totals, sealingKey }, options);
  await writeManifest(unfinished.path, manifest);
  await publish(folder, unfinished);
  const { copiedCount, copiedBytes } = totals;
  return { manifest, copied: { copiedCount, copiedBytes }, removed: await removeExpired(folder, options.keep) };
}

interface Unfinished {
  readonly name: string;
  readonly path: string;
  readonly startedAt: Date;
}

async function beginIn(folder: BackupFolder, { now }: BackupOptions): Promise<Unfinished> {
  const startedAt = now();
  const name = nameAfter(await listBackups(folder), startedAt);
  const path = join(folder.unfinished, name);
  await mkdir(path, { mode: 0o700 });
  return { name, path, startedAt };
}

interface CopiedFolder {
  readonly dataFolder: string;
  readonly folder: BackupFolder;
  readonly unfinished: Unfinished;
}

/** Copies the database, and returns what is said of it in the manifest. */
async function copyMetadata(
  at: CopiedFolder & { readonly hasHold: boolean; readonly cleanup: AsyncDisposableStack },
  options: BackupOptions,
): Promise<DatabaseFacts> {
  const source = await openFolder(at.dataFolder, options);
  try {
    assertHeld(source, at.hasHold);
    const facts = factsOfKnownSchema(source);
    if (!options.acceptLoss) {
      assertContinues(await listBackups(at.folder), { facts, database: source.database, path: source.path });
    }
    await copyDatabase(source.database, join(at.unfinished.path, databaseName));
    await syncPath(at.unfinished.path);
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
  using snapshot = new Snapshot(join(at.unfinished.path, databaseName));
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
  { dataFolder, folder, unfinished }: CopiedFolder,
  { maxRate, onMissing }: BackupOptions,
): Promise<CopyTotals> {
  using snapshot = new Snapshot(join(unfinished.path, databaseName));
  return await copySegments(snapshot, {
    from: new SegmentFiles(dataFolder),
    to: new SegmentFiles(folder.path),
    partials: unfinished.path,
    pace: new Pace(maxRate),
    onMissing,
  });
}

async function manifestOf(
  done: {
    readonly unfinished: Unfinished;
    readonly facts: DatabaseFacts;
    readonly totals: CopyTotals;
    readonly sealingKey: Manifest["sealingKey"];
  },
  { version, now }: BackupOptions,
): Promise<Manifest> {
  const { unfinished, facts, totals, sealingKey } = done;
  return {
    format: 1,
    name: unfinished.name,
    startedAt: unfinished.startedAt.toISOString(),
    completedAt: now().toISOString(),
    version,
    ...facts,
    database: await hashOfFile(join(unfinished.path, databaseName)),
    segments: { count: totals.count, bytes: totals.bytes },
    missingSegments: totals.missing,
    sealingKey,
  };
}

async function publish(folder: BackupFolder, { name, path }: Unfinished): Promise<void> {
  await syncPath(path);
  await rename(path, join(folder.backups, name));
  await syncPath(folder.backups);
  await syncPath(folder.unfinished);
}
