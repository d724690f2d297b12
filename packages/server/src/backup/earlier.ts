import type { DatabaseSync } from "node:sqlite";
import { BackupFolderError } from "./backup-folder.ts";
import type { Backup } from "./manifest.ts";
import { type DatabaseFacts, trailHolds } from "./snapshot.ts";

/** The name of a backup: its second, or the first one after the newest backup, if the clock was set back. */
export function nameAfter(names: readonly string[], startedAt: Date): string {
  const times = names.map(timeOf).filter((time) => time !== null);
  return nameAt(new Date(Math.max(startedAt.getTime(), ...times.map((time) => time + 1000))));
}

const nameAt = (time: Date): string => time.toISOString().replace(/[-:]|\.\d+/g, "");

function timeOf(name: string): number | null {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(name) ?? [];
  return year === undefined ? null : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/**
 * Refuses a data folder that does not continue the history of the newest backup: another server's, or one whose database was
 * restored from an older copy. Its backups would push out, one after the other, those that know more.
 */
export function assertContinues(
  backups: readonly Backup[],
  { facts, database, path }: { readonly facts: DatabaseFacts; readonly database: DatabaseSync; readonly path: string },
): void {
  const newest = backups.find(({ manifest }) => manifest !== null);
  if (newest?.manifest == null) {
    return;
  }
  const { name, accountId, region, auditHead } = newest.manifest;
  if (accountId !== facts.accountId || region !== facts.region) {
    throw new BackupFolderError(
      `The backup ${name} is of account ${accountId} in region ${region}, and ${path} is of account ${facts.accountId} in ` +
        `region ${facts.region}: choose another folder`,
    );
  }
  if (!trailHolds(database, auditHead)) {
    throw new BackupFolderError(
      `The audit trail of ${path} does not have entry ${auditHead.sequence} of the backup ${name}: its database is another, or ` +
        "an older one. Choose another folder; or, if what was acknowledged after it is lost for good, add --accept-loss once",
    );
  }
}
