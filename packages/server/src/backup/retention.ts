import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import { type BackupFolder, BackupFolderError, namesIn } from "./backup-folder.ts";
import { type Backup, databaseName, hashOfFile, listBackups } from "./manifest.ts";
import { removeBackup, removeCopy } from "./removal.ts";
import { blobKeyOf, Snapshot } from "./snapshot.ts";

export interface Removed {
  readonly backups: readonly string[];
  readonly segments: number;
  /** Why something that is too old is still there; null otherwise. The next backup tries again. */
  readonly failure: string | null;
}

/** Moves what an interrupted backup left to the expired ones: its segments are removed unless a backup refers to them. */
export async function expireUnfinished(folder: BackupFolder): Promise<void> {
  await expire(folder, folder.unfinished, await namesIn(folder.unfinished));
}

/**
 * Removes the backups that are older than the `keep` newest complete ones, and the segments to which they alone refer. Interrupted at
 * any moment, the other backups are whole, and the next call continues.
 * @param keep null to remove only what was left over.
 */
export async function removeExpired(folder: BackupFolder, keep: number | null): Promise<Removed> {
  const removed = { backups: [] as string[], segments: 0, failure: null as string | null };
  using kept = new DisposableStack();
  // The new backup is complete by now: a failure here must not look as if there were none.
  try {
    const old = keep === null ? [] : olderThan(await listBackups(folder), keep);
    await expire(folder, folder.backups, namesOf(old));
    removed.backups.push(...namesOf(old));
    const names = await expiredNames(folder);
    const snapshots = names.length === 0 ? [] : await openKept(folder, kept);
    for (const name of names) {
      removed.segments += await removeOne(folder, name, snapshots);
    }
  } catch (error) {
    removed.failure = (error as Error).message;
  }
  return removed;
}

const namesOf = (backups: readonly Backup[]): string[] => backups.map(({ name }) => name);

function expiredNames({ expired }: BackupFolder): Promise<string[]> {
  return namesIn(expired).catch((error: Error) => {
    throw new BackupFolderError(`the folder ${expired} cannot be read (${error.message}): restore its mode and owner`, {
      cause: error,
    });
  });
}

/** Removes a backup that has expired; returns how many segments went with it. One that cannot be read keeps its segments. */
async function removeOne(folder: BackupFolder, name: string, kept: readonly Snapshot[]): Promise<number> {
  try {
    const segments = await removeSegmentsOf(folder, name, kept);
    await removeBackup(folder.expired, name);
    return segments;
  } catch (error) {
    const path = join(folder.expired, name);
    throw new BackupFolderError(
      `the old backup ${path} cannot be removed (${(error as Error).message}): make it readable, or remove it by hand, which leaves ` +
        "the segments that it alone refers to",
      { cause: error },
    );
  }
}

/** Opens the databases of all backups that stay. One that is damaged could hide what it needs: then nothing is removed. */
async function openKept(folder: BackupFolder, kept: DisposableStack): Promise<readonly Snapshot[]> {
  const snapshots: Snapshot[] = [];
  for (const { name, path, manifest } of await listBackups(folder)) {
    const file = join(path, databaseName);
    if (manifest === null || (await hashOfFile(file)).sha256 !== manifest.database.sha256) {
      throw new BackupFolderError(`the backup ${name} is damaged: check it, and move it elsewhere if nothing helps`);
    }
    snapshots.push(kept.use(new Snapshot(file)));
  }
  return snapshots;
}

/** Backups that lack something do not count: they push no complete one out. Nothing is removed by a manifest that cannot be read. */
function olderThan(backups: readonly Backup[], keep: number): Backup[] {
  const complete = backups.filter(({ manifest }) => manifest?.missingSegments === 0);
  const oldest = complete[keep - 1];
  return oldest === undefined ? [] : backups.filter(({ name, manifest }) => manifest !== null && name < oldest.name);
}

async function expire(folder: BackupFolder, from: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) {
    return;
  }
  const taken = new Set(await expiredNames(folder));
  for (const name of names) {
    // One of the same second may have been interrupted as well.
    const free = [name, ...Array.from({ length: taken.size }, (_, index) => `${name}.${index}`)];
    const chosen = free.find((candidate) => !taken.has(candidate)) ?? name;
    await rename(join(from, name), join(folder.expired, chosen));
    taken.add(chosen);
  }
  await syncPath(folder.expired);
  await syncPath(from);
}

/** A backup that was interrupted before it had its database has copied no segments. */
async function removeSegmentsOf(folder: BackupFolder, name: string, kept: readonly Snapshot[]): Promise<number> {
  if (!(await namesIn(join(folder.expired, name))).includes(databaseName)) {
    return 0;
  }
  using expired = new Snapshot(join(folder.expired, name, databaseName));
  let removed = 0;
  for (const rows of expired.segments()) {
    const unreferred = rows.filter((row) => !kept.some((snapshot) => snapshot.refersTo(row)));
    removed += await removeUnreferred(folder, unreferred);
  }
  return removed;
}

async function removeUnreferred({ blobs }: BackupFolder, rows: readonly SegmentRow[]): Promise<number> {
  const keys = rows.map(blobKeyOf).filter((key) => key !== null);
  let removed = 0;
  for (const key of keys) {
    removed += (await removeCopy(blobs, key)) ? 1 : 0;
  }
  for (const shelf of new Set(keys.map(dirname))) {
    await ifPresent(syncPath(join(blobs, shelf)));
  }
  return removed;
}
