import { join } from "node:path";
import { ifPresent } from "../files/missing.ts";
import { BackupFolderError, openForReading } from "./backup-folder.ts";
import { type Backup, databaseName, hashOfFile, listBackups, type Manifest, manifestName } from "./manifest.ts";
import { type CheckLevel, checkSegment } from "./segment-check.ts";
import { SegmentFiles } from "./segment-files.ts";
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
export async function checkBackups(target: string, { level, onFinding }: CheckOptions): Promise<CheckTotals> {
  using folder = await openForReading(target);
  const totals: CheckTotals = { backups: 0, segments: 0, bytes: 0, findings: 0 };
  const found = (finding: BackupFinding) => {
    totals.findings += 1;
    onFinding(finding);
  };
  const files = new SegmentFiles(folder.path);
  const backups = await listBackups(folder);
  if (backups.length === 0) {
    throw new BackupFolderError(`${folder.path} holds no complete backup`);
  }
  const checked: Snapshot[] = [];
  try {
    for (const backup of backups) {
      totals.backups += 1;
      if (isReadable(backup, found) && (await checkDatabase(backup, found))) {
        const snapshot = new Snapshot(join(backup.path, databaseName));
        await checkSegments({ backup, snapshot, checked, files, level }, totals, found);
        checked.push(snapshot);
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

async function checkDatabase(backup: Checked, found: Found): Promise<boolean> {
  const { database } = backup.manifest;
  const actual = await ifPresent(hashOfFile(join(backup.path, databaseName)));
  if (actual?.sha256 === database.sha256) {
    return true;
  }
  const message =
    actual === null
      ? "the copy of the database is missing"
      : `the copy of the database has the hash ${actual.sha256} and ${actual.bytes} bytes in place of ${database.sha256} and ${database.bytes}`;
  found({ code: "backup-database", message, backup: backup.name, file: fileOf(backup, databaseName) });
  return false;
}

async function checkSegments(
  at: {
    readonly backup: Checked;
    readonly snapshot: Snapshot;
    /** Newer backups, whose segments have been checked. */
    readonly checked: readonly Snapshot[];
    readonly files: SegmentFiles;
    readonly level: CheckLevel;
  },
  totals: CheckTotals,
  found: Found,
): Promise<void> {
  for (const rows of at.snapshot.segments()) {
    for (const row of rows.filter((row) => !at.checked.some((newer) => newer.refersTo(row)))) {
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
