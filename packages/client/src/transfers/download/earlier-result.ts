import { open } from "node:fs/promises";
import { rangeLength } from "@moraine/protocol";
import { DigestPool } from "../hashing/digest-pool.ts";
import { inParallel } from "../in-parallel.ts";
import { type DownloadPlan, openRanges } from "./download-plan.ts";
import { type DownloadResult, resultOf } from "./download-result.ts";
import { digestInFile, type FileDownloadParts, isComplete } from "./file-download.ts";
import type { DownloadTarget } from "./files/download-target.ts";
import type { PlannedRange } from "./ranges/ranges.ts";

/**
 * Returns the result of an earlier run that ended after the target had got its name and before the journal was removed; null when the
 * download is still to be done. Looks at the disk again: the target may have been opened hours ago.
 *
 * Throws TargetExistsError when the target has other content and may not be overwritten.
 */
export async function earlierResult(target: DownloadTarget, plan: DownloadPlan): Promise<DownloadResult | null> {
  if (!(await target.mayBeFinished())) {
    return null;
  }
  await using stack = new AsyncDisposableStack();
  const { journal, ranges } = await openRanges(target.journal, plan, async () => undefined);
  stack.defer(() => journal.close());
  const pool = stack.use(new DigestPool());
  if (!(await isAsRecorded(target.path, { ...plan, ranges, journal, pool }))) {
    await target.assertFree();
    return null;
  }
  const verifiedBy = plan.verification.judge(journal.ranges, plan.progress);
  if (verifiedBy === null) {
    throw plan.verification.failure(journal.ranges);
  }
  await target.removeJournal();
  return resultOf(plan, journal.ranges, { verifiedBy, alreadyComplete: true });
}

/** Whether a file has all bytes that the journal records. */
async function isAsRecorded(
  path: string,
  parts: Pick<FileDownloadParts, "ranges" | "wanted" | "journal" | "pool" | "concurrency" | "signal">,
): Promise<boolean> {
  const { ranges, wanted, journal } = parts;
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size !== rangeLength(wanted) || !isComplete(parts)) {
    return false;
  }
  let isSame = true;
  const check = async (range: PlannedRange) => {
    const treeHash = await digestInFile({ ...parts, partial: file }, range);
    isSame &&= treeHash === journal.ranges.get(range.index)?.treeHash;
  };
  await inParallel(ranges, parts.concurrency, check, parts.signal);
  return isSame;
}
