import type { AuditAnchor } from "@moraine/protocol";
import type { Backup, Manifest } from "../backup/manifest.ts";
import { type Snapshot, trailHolds } from "../backup/snapshot.ts";
import { RestoreError } from "./restore-error.ts";

export type ReadableBackup = Backup & { readonly manifest: Manifest };

/** @param name null for the newest. */
export function chooseBackup(backups: readonly Backup[], name: string | null): ReadableBackup {
  const chosen = name === null ? backups[0] : backups.find((backup) => backup.name === name);
  if (chosen === undefined) {
    const names = backups.map((backup) => backup.name).join(", ") || "none";
    throw new RestoreError(
      name === null ? "There is no complete backup" : `There is no backup ${name}; there are: ${names}`,
    );
  }
  if (chosen.manifest === null) {
    const other = backups.find(({ manifest }) => manifest !== null);
    const hint = other === undefined ? "" : `; the newest readable one is --backup ${other.name}`;
    throw new RestoreError(`The manifest of the backup ${chosen.name} cannot be used: ${chosen.reason}${hint}`);
  }
  return chosen;
}

/** Something newer than the backup, from which locks, deletions and archives would be lost. */
export interface NewerHistory {
  readonly source: string;
  readonly sequence: number;
}

/** Returns the newest trail that is known: a later backup's, or an anchor's. Null when none is newer than the backup. */
export function newerHistory(
  { name, manifest }: ReadableBackup,
  backups: readonly Backup[],
  anchors: readonly AuditAnchor[],
): NewerHistory | null {
  const known = [
    ...backups
      .filter((backup) => backup.name > name && backup.manifest !== null)
      .map((backup) => ({ source: `the backup ${backup.name}`, sequence: backup.manifest?.auditHead.sequence ?? 0 })),
    ...anchors.map(({ Time, Sequence }) => ({ source: `the anchor of ${Time}`, sequence: Sequence })),
  ];
  const newer = known.filter(({ sequence }) => sequence > manifest.auditHead.sequence);
  return newer.sort((one, other) => other.sequence - one.sequence)[0] ?? null;
}

/** Throws when an anchor is of another history: then the backup, or what it was made of, was changed. */
export function assertAnchored(
  snapshot: Snapshot,
  { manifest }: ReadableBackup,
  anchors: readonly AuditAnchor[],
): void {
  for (const { Sequence, Hash, Time, AccountId, Region } of anchors) {
    if (AccountId !== manifest.accountId || Region !== manifest.region) {
      throw new RestoreError(`The anchor of ${Time} is of account ${AccountId} in region ${Region}, the backup is not`);
    }
    const isWithin = Sequence <= manifest.auditHead.sequence;
    if (isWithin && !trailHolds(snapshot.database, { sequence: Sequence, hash: Hash })) {
      throw new RestoreError(
        `The backup's audit trail has another entry ${Sequence} than the anchor of ${Time}: it was changed`,
      );
    }
  }
}
