import { UnorderedRowsError } from "../domain/stores/next-place.ts";
import { checkArchives } from "./checks/archives.ts";
import { checkAuditTrail } from "./checks/audit-trail.ts";
import { checkDatabase } from "./checks/database.ts";
import { checkHistory } from "./checks/history.ts";
import { checkJobs } from "./checks/jobs.ts";
import { checkLockDeletions } from "./checks/lock-deletions.ts";
import { checkLocks } from "./checks/locks.ts";
import { checkMirror } from "./checks/mirror.ts";
import { checkScrub } from "./checks/scrub.ts";
import { checkSecrets } from "./checks/secrets.ts";
import { checkSegments } from "./checks/segments.ts";
import { checkTemporaryFiles } from "./checks/temporary-files.ts";
import { checkTrustedTime } from "./checks/trusted-time.ts";
import { checkUploads } from "./checks/uploads.ts";
import { checkVaults } from "./checks/vaults.ts";
import { TimeOverError, type Verification } from "./verification.ts";

/** The checks in their order: the quick ones come first. */
const checks: Readonly<Record<string, (verification: Verification) => Promise<void>>> = {
  history: checkHistory,
  database: checkDatabase,
  "trusted time": checkTrustedTime,
  secrets: checkSecrets,
  scrub: checkScrub,
  "temporary files": checkTemporaryFiles,
  vaults: checkVaults,
  locks: checkLocks,
  "lock deletions": checkLockDeletions,
  uploads: checkUploads,
  jobs: checkJobs,
  archives: checkArchives,
  "audit trail": checkAuditTrail,
  segments: checkSegments,
  mirror: checkMirror,
};

/**
 * Runs all checks. One that cannot read the database, or a value in it that has another type than its column, is a finding, and the
 * others follow. False when the time was over first.
 */
export async function verify(verification: Verification): Promise<boolean> {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(verification);
    } catch (error) {
      if (error instanceof TimeOverError) {
        return false;
      }
      if (!isOfDatabase(error) && !isOfValue(error) && !(error instanceof UnorderedRowsError)) {
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

const isOfDatabase = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";

/** SQLite keeps values of any type in any column, so damage may turn a number into text. The row has a finding of its own. */
const isOfValue = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
