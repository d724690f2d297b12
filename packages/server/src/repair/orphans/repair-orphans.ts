import { open } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type BucketPlace, openBucketPlace } from "../../verify/bucket/open-bucket-place.ts";
import { CannotVerifyError, type OpenOptions } from "../../verify/open-folder.ts";
import { describeOrphan, readOrphanFooter, subjectOf } from "../../verify/orphans/describe-orphan.ts";
import { reconcile } from "../../verify/orphans/reconcile.ts";
import type { Action } from "../action.ts";
import { isRestored, stateOf } from "../plan/open-for-repair.ts";
import { counting, type Report } from "../report.ts";
import { applyOrphans, type RemovableOrphan } from "./apply-orphans.ts";
import type { Arguments } from "./arguments.ts";
import { assertRestored, judge } from "./judge.ts";
import { openRowCheck } from "./row-check.ts";

/**
 * Has orphans removed, or says what it would do. Returns how many things are left to do; throws when it cannot run. Orphans are found
 * without changing anything, and kept in a file until all have been: a data folder cannot be read and changed at the same time.
 */
export async function repairOrphans(given: Arguments, options: OpenOptions, report: Report): Promise<number> {
  const { isApplied } = given;
  const { totals, print } = counting(report);
  if (isApplied) {
    const file = join(options.makeTemporaryFolder(), "orphans.jsonl");
    const removable = await open(file, "wx", 0o600);
    const state = await findOrphans(given, options, {
      stays: print,
      removable: async (orphan) => void (await removable.write(`${JSON.stringify(orphan)}\n`)),
    }).finally(() => removable.close());
    await applyOrphans(given, { file, state, print });
  } else {
    await findOrphans(given, options, { stays: print, removable: async ({ action }) => print(action) });
  }
  report.summary(totals, isApplied);
  return totals.left + (isApplied ? 0 : totals.actions);
}

interface Found {
  stays(action: Action): void;
  removable(orphan: RemovableOrphan): Promise<void>;
}

/** Returns the state of the data folder, if there is one. */
async function findOrphans(given: Arguments, options: OpenOptions, found: Found): Promise<string | null> {
  await using place = await openBucketPlace(given, options);
  const { rows, blobs, folder } = place;
  assertRepairable(place, given.isApplied);
  await assertRestored(rows, given.restored);
  const rowCheck = await openRowCheck(given, rows);
  const judging = { rows, blobs, rowCheck, restored: given.restored, isKept: place.isKept };
  await reconcile(place, {
    olderThanMilliseconds: given.olderThanMilliseconds,
    totals: { objects: 0, bytes: 0, segments: 0, young: 0 },
    step: async () => void (await setImmediate()),
    async orphan(orphan) {
      const end = await readOrphanFooter(blobs, orphan.key);
      if (end === null) {
        return;
      }
      const { isRemovable, reason } = await judge(judging, orphan, end);
      const about = { message: `${describeOrphan(orphan, end)}; ${reason}`, ...subjectOf(orphan, end) };
      await (isRemovable
        ? found.removable({ key: orphan.key, action: { code: "orphan-removed", ...about } })
        : found.stays({ code: "orphan-undecided", ...about }));
    },
    // Only verify names these: nothing here could bring them back, or is theirs.
    missing: () => undefined,
    foreign: () => undefined,
  });
  return folder === null ? null : stateOf(folder.path);
}

function assertRepairable({ folder }: BucketPlace, isApplied: boolean): void {
  if (folder === null) {
    return;
  }
  if (folder.isRunning && isApplied) {
    throw new CannotVerifyError(`${folder.path} is in use by its server: stop it first`);
  }
  if (!folder.isRunning && isRestored(folder)) {
    throw new CannotVerifyError(
      `The database of ${folder.path} was restored from a copy: start its server once, and give --restored with that time`,
    );
  }
}
