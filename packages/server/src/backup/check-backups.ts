import { BackupFolderError } from "./backup-folder.ts";
import { type Backup, databaseName, hashOfFile, type Manifest, manifestName } from "./manifest.ts";
import type { BackupPlace, SegmentSource } from "./place.ts";
import { type CheckLevel, checkSegment } from "./segment-check.ts";
import { Snapshot } from "./snapshot.ts";

/** Something of a backup that is not as it should be. */
export interface BackupFinding {
  readonly code: "backup-manifest" | "backup-database" | "backup-segment" | "backup-incomplete";
  readonly message: string;
  readonly backup: string;
  /** Path below the folder of backups. */
  readonly file?: string | undefined;
}

export interface CheckTotals {
  backups: number;
  segments: number;
  bytes: number;
  findings: number;
}

interface CheckOptions {
  readonly level: CheckLevel;
  onFinding(finding: BackupFinding): void;
}

type Checked = Backup & { readonly manifest: Manifest };

/** Checks all backups of a folder, the newest first. A segment that several share is read once. */
export async function checkBackups(place: BackupPlace, { level, onFinding }: CheckOptions): Promise<CheckTotals> {
  const totals: CheckTotals = { backups: 0, segments: 0, bytes: 0, findings: 0 };
  const found = (finding: BackupFinding) => {
    totals.findings += 1;
    onFinding(finding);
  };
  const backups = await place.list();
  if (backups.length === 0) {
    throw new BackupFolderError(`${place.name} holds no complete backup`);
  }
  const checked: Snapshot[] = [];
  try {
    for (const backup of backups) {
      totals.backups += 1;
      const database = isReadable(backup, found) ? await checkedDatabase(place, backup, found) : null;
      if (database !== null && backup.manifest !== null) {
        const snapshot = new Snapshot(database);
        checked.push(snapshot);
        const newer = checked.slice(0, -1);
        await checkSegments({ backup, snapshot, newer, files: place.segments, level }, totals, found);
      }
    }
  } finally {
    for (const snapshot of checked) {
      snapshot[Symbol.dispose]();
    }
  }
  return totals;
}

type Found = (finding: BackupFinding) => void;

function isReadable(backup: Backup, found: Found): backup is Checked {
  if (backup.manifest === null) {
    const message = `the manifest cannot be used: ${backup.reason}`;
    found({ code: "backup-manifest", message, backup: backup.name, file: fileOf(backup, manifestName) });
    return false;
  }
  if (backup.manifest.missingSegments > 0) {
    const message = `${backup.manifest.missingSegments} segments were missing or damaged in the data folder when it was made`;
    found({ code: "backup-incomplete", message, backup: backup.name });
  }
  return true;
}

/** Null when there is none that is sound. */
async function checkedDatabase(place: BackupPlace, backup: Checked, found: Found): Promise<string | null> {
  const { database } = backup.manifest;
  const path = await place.databaseOf(backup.name);
  const actual = path === null ? null : await hashOfFile(path);
  if (path !== null && actual?.sha256 === database.sha256) {
    return path;
  }
  const message =
    actual === null
      ? "the copy of the database is missing"
      : `the copy of the database has the hash ${actual.sha256} and ${actual.bytes} bytes in place of ${database.sha256} and ${database.bytes}`;
  found({ code: "backup-database", message, backup: backup.name, file: fileOf(backup, databaseName) });
  return null;
}

async function checkSegments(
  at: {
    readonly backup: Checked;
    readonly snapshot: Snapshot;
    /** Newer backups, whose segments have been checked. */
    readonly newer: readonly Snapshot[];
    readonly files: SegmentSource;
    readonly level: CheckLevel;
  },
  totals: CheckTotals,
  found: Found,
): Promise<void> {
  for (const rows of at.snapshot.segments()) {
    for (const row of rows.filter((row) => !at.newer.some((snapshot) => snapshot.refersTo(row)))) {
      const { file, fileBytes, fault } = await checkSegment(at.files, row, at.level);
      totals.segments += 1;
      totals.bytes += fileBytes;
      if (fault !== null) {
        const path = file === null ? undefined : `blobs/${file}`;
        found({ code: "backup-segment", message: fault, backup: at.backup.name, file: path });
      }
    }
  }
}

const fileOf = ({ name }: Backup, file: string): string => `backups/${name}/${file}`;
