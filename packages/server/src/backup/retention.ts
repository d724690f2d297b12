import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import { BackupFolderError } from "./backup-folder.ts";
import { type Backup, hashOfFile } from "./manifest.ts";
import type { BackupPlace } from "./place.ts";
import { blobKeyOf, Snapshot } from "./snapshot.ts";

export interface Removed {
  readonly backups: readonly string[];
  readonly segments: number;
  /** Why something that is too old is still there; null otherwise. The next backup tries again. */
  readonly failure: string | null;
}

/**
 * Removes the backups that are older than the `keep` newest complete ones, and the segments to which they alone refer. Interrupted at
 * any moment, the other backups are whole, and the next call continues.
 * @param keep null to remove only what was left over.
 */
export async function removeExpired(place: BackupPlace, keep: number | null): Promise<Removed> {
  const removed = { backups: [] as string[], segments: 0, failure: null as string | null };
  using kept = new DisposableStack();
  // The new backup is complete by now: a failure here must not look as if there were none.
  try {
    const old = keep === null ? [] : olderThan(await place.list(), keep);
    await place.expire(namesOf(old));
    removed.backups.push(...namesOf(old));
    const names = await place.expired();
    const snapshots = names.length === 0 ? [] : await openKept(place, kept);
    for (const name of names) {
      removed.segments += await removeOne(place, name, snapshots);
    }
  } catch (error) {
    removed.failure = (error as Error).message;
  }
  return removed;
}

const namesOf = (backups: readonly Backup[]): string[] => backups.map(({ name }) => name);

/** Removes a backup that has expired; returns how many segments went with it. One that cannot be read keeps its segments. */
async function removeOne(place: BackupPlace, name: string, kept: readonly Snapshot[]): Promise<number> {
  try {
    const segments = await removeSegmentsOf(place, name, kept);
    await place.removeExpired(name);
    return segments;
  } catch (error) {
    const path = place.pathOfExpired(name);
    throw new BackupFolderError(
      `the old backup ${path} cannot be removed (${(error as Error).message}): make it readable, or remove it by hand, which leaves ` +
        "the segments that it alone refers to",
      { cause: error },
    );
  }
}

/** Opens the databases of all backups that stay. One that is damaged could hide what it needs: then nothing is removed. */
async function openKept(place: BackupPlace, kept: DisposableStack): Promise<readonly Snapshot[]> {
  const snapshots: Snapshot[] = [];
  for (const { name, manifest } of await place.list()) {
    const file = manifest === null ? null : await place.databaseOf(name);
    if (file === null || (await hashOfFile(file)).sha256 !== manifest?.database.sha256) {
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

/** A backup that was interrupted before it had its database has copied no segments. */
async function removeSegmentsOf(place: BackupPlace, name: string, kept: readonly Snapshot[]): Promise<number> {
  const file = await place.databaseOfExpired(name);
  if (file === null) {
    return 0;
  }
  using expired = new Snapshot(file);
  let removed = 0;
  for (const rows of expired.segments()) {
    const isNeeded = (row: SegmentRow) => kept.some((snapshot) => snapshot.refersTo(row));
    const keys = rows.filter((row) => !isNeeded(row)).map(blobKeyOf);
    removed += await place.removeSegments(keys.filter((key) => key !== null));
  }
  return removed;
}
