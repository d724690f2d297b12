import { copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type CopyTotals, copySegments, type Missing } from "../backup/copy-segments.ts";
import { FolderSegments } from "../backup/folder/folder-segments.ts";
import { keyName, writeKey } from "../backup/key-copy.ts";
import { databaseName, hashOfFile, type Manifest } from "../backup/manifest.ts";
import { Pace } from "../backup/pace.ts";
import type { BackupPlace, SegmentSource } from "../backup/place.ts";
import { removeMark, removePartials } from "../backup/removal.ts";
import { Snapshot } from "../backup/snapshot.ts";
import { syncPath } from "../files/sync-path.ts";
import { newShelfSeed } from "../storage/blobs/blob-key.ts";
import { markerName, writeMarker } from "../storage/history/marker.ts";
import { noteRestore } from "../storage/metadata/note-restore.ts";
import { readAnchors } from "./anchors.ts";
import { assertAnchored, chooseBackup, type NewerHistory, newerHistory, type ReadableBackup } from "./choose-backup.ts";
import { RestoreError } from "./restore-error.ts";
import { markName, openTarget } from "./target-folder.ts";

export interface RestoreOptions {
  readonly dataFolder: string;
  readonly backup: string | null;
  readonly keyFile: string | null;
  readonly anchorFile: string | null;
  readonly publicKey: string | null;
  readonly acceptLoss: boolean;
  openPlace(): Promise<BackupPlace>;
  now(): Date;
  onMissing(missing: Missing): void;
}

export interface RestoreResult {
  readonly dataFolder: string;
  readonly manifest: Manifest;
  readonly totals: CopyTotals;
  /** The later history whose loss was accepted; null when none is known. */
  readonly newer: NewerHistory | null;
  readonly hasKey: boolean;
}

/**
 * Makes a data folder of a backup. Its database is the last to get its name: interrupted before, the folder is one that no server
 * accepts, and the same call continues.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  await using place = await options.openPlace();
  const backups = await place.list();
  const backup = chooseBackup(backups, options.backup);
  const { manifest } = backup;
  const key = options.keyFile === null ? null : await readFile(options.keyFile);
  const database = await wholeDatabase(place, backup);
  using snapshot = new Snapshot(database);
  const anchors =
    options.anchorFile === null ? [] : readAnchors(await readFile(options.anchorFile, "utf8"), options.publicKey);
  assertAnchored(snapshot, backup, anchors);
  const newer = newerHistory(backup, backups, anchors);
  if (newer !== null && !options.acceptLoss) {
    throw new RestoreError(
      `The backup ${backup.name} ends at audit entry ${manifest.auditHead.sequence}, and ${newer.source} knows entry ${newer.sequence}: ` +
        "locks, deletions and archives after it would be lost. Restore a newer one; or add --accept-loss",
    );
  }
  const target = await openTarget(options.dataFolder, backup.name, place.folder);
  const totals = await copyAll(snapshot, { from: place.segments, target, onMissing: options.onMissing });
  if (key !== null) {
    await writeKey(join(target, keyName), key);
  }
  await placeDatabase({ backup, database, target, newer }, options);
  return { dataFolder: target, manifest, totals, newer, hasKey: key !== null };
}

/** Throws when the copy of the database is not the one of the manifest. */
async function wholeDatabase(place: BackupPlace, { name, manifest }: ReadableBackup): Promise<string> {
  const database = await place.databaseOf(name);
  if (database === null || (await hashOfFile(database)).sha256 !== manifest.database.sha256) {
    throw new RestoreError(`The database of the backup ${name} does not have its hash: choose another with --backup`);
  }
  return database;
}

async function copyAll(
  snapshot: Snapshot,
  {
    from,
    target,
    onMissing,
  }: { readonly from: SegmentSource; readonly target: string } & Pick<RestoreOptions, "onMissing">,
): Promise<CopyTotals> {
  const partials = join(target, "tmp");
  await mkdir(join(target, "blobs"), { recursive: true, mode: 0o700 });
  await mkdir(partials, { recursive: true, mode: 0o700 });
  await removePartials(partials);
  const to = new FolderSegments(target, partials);
  const totals = await copySegments(snapshot, { from, to, pace: new Pace(null), onMissing });
  await syncPath(target);
  return totals;
}

/** The database gets its name once it is complete, with a marker that agrees with it, and an entry of its trail about its restoration. */
async function placeDatabase(
  at: {
    readonly backup: ReadableBackup;
    readonly database: string;
    readonly target: string;
    readonly newer: NewerHistory | null;
  },
  { now }: RestoreOptions,
): Promise<void> {
  const { backup, database, target, newer } = at;
  const { manifest } = backup;
  const partial = join(target, `${databaseName}.partial`);
  await copyFile(database, partial);
  const lost =
    newer === null ? "" : `, and the loss of what ${newer.source} knows, up to entry ${newer.sequence}, was accepted`;
  await noteRestore(partial, {
    time: now().getTime(),
    accountId: manifest.accountId,
    subject: backup.name,
    reason: `restored as it was at ${manifest.startedAt}, with entries up to ${manifest.auditHead.sequence}${lost}`,
  });
  await syncPath(partial);
  const since = Date.parse(manifest.startedAt);
  writeMarker(join(target, markerName), {
    state: "closed",
    generation: manifest.generation,
    since,
    shelfSeed: newShelfSeed(),
  });
  await rename(partial, join(target, databaseName));
  await syncPath(target);
  await removeMark(target, markName);
}
