import { UnorderedRowsError } from "../domain/stores/next-place.ts";
import { checkArchives } from "./checks/archives.ts";
import { checkAuditTrail } from "./checks/audit-trail.ts";
import { checkDatabase } from "./checks/database.ts";
import { checkHistory } from "./checks/history.ts";
import { checkInstallation } from "./checks/installation.ts";
import { checkJobs } from "./checks/jobs.ts";
import { checkLockDeletions } from "./checks/lock-deletions.ts";
import { checkLocks } from "./checks/locks.ts";
import { checkRows } from "./checks/rows.ts";
import { checkScrub } from "./checks/scrub.ts";
import { checkSecrets } from "./checks/secrets.ts";
import { checkMirror } from "./checks/segments/mirror.ts";
import { checkFiles } from "./checks/segments/segment-files.ts";
import { checkObjects } from "./checks/segments/segment-objects.ts";
import { checkTemporaryFiles } from "./checks/temporary-files.ts";
import { checkTrustedTime } from "./checks/trusted-time.ts";
import { checkUploads } from "./checks/uploads.ts";
import { checkVaults } from "./checks/vaults.ts";
import { isOfStored } from "./database-error.ts";
import { TimeOverError, type Verification } from "./verification.ts";

type Check = () => Promise<void>;

/** The checks in their order: the quick ones come first. Those of `folder` are not for a cluster, and those of `files` not for a bucket. */
function checksOf(verification: Verification): Readonly<Record<string, Check>> {
  const { folder, segments } = verification.place;
  const files = segments.kind === "files" ? folder : null;
  return {
    ...(folder === null
      ? { rows: () => checkRows(verification) }
      : {
          history: () => checkHistory(verification, folder),
          database: () => checkDatabase(verification, folder),
          "trusted time": () => checkTrustedTime(verification, folder),
        }),
    installation: () => checkInstallation(verification),
    secrets: () => checkSecrets(verification),
    scrub: () => checkScrub(verification),
    ...(files !== null && { "temporary files": () => checkTemporaryFiles(verification, files) }),
    vaults: () => checkVaults(verification),
    locks: () => checkLocks(verification),
    "lock deletions": () => checkLockDeletions(verification),
    uploads: () => checkUploads(verification),
    jobs: () => checkJobs(verification),
    archives: () => checkArchives(verification),
    "audit trail": () => checkAuditTrail(verification),
    segments: () => (files === null ? checkObjects(verification) : checkFiles(verification, files)),
    ...(files !== null && { mirror: () => checkMirror(verification) }),
  };
}

/**
 * Runs all checks. One that cannot read the database, or a value in it that has another type than its column, is a finding, and the
 * others follow. False when the time was over first.
 */
export async function verify(verification: Verification): Promise<boolean> {
  for (const [name, check] of Object.entries(checksOf(verification))) {
    try {
      await check();
    } catch (error) {
      if (error instanceof TimeOverError) {
        return false;
      }
      if (!isOfStored(error) && !(error instanceof UnorderedRowsError)) {
        throw error;
      }
      const { message } = error as Error;
      verification.found({
        code: "database-unreadable",
        message: `the check of ${name} could not be ended: ${message}`,
      });
    }
  }
  return true;
}
