import type { GlacierClient } from "../../glacier-client.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { type FoundJob, findOrStartJob, type JobCriteria } from "./find-job.ts";
import { describedJob, type JobNote, type NotedJob } from "./job-note.ts";

/** The places in which an earlier run of the same transfer recorded its job. */
export interface EarlierRun {
  readonly note: JobNote;
  /** The job in the download's journal, which may be older than its note. @default null */
  readonly begunJobId?: string | null | undefined;
}

/** Takes the job of an earlier run of the same transfer, else finds or starts one, and records it before waiting for it. */
export async function chooseJob(
  client: GlacierClient,
  criteria: JobCriteria,
  earlier: EarlierRun,
  options: TransferOptions,
): Promise<FoundJob> {
  const earlierJob = await jobOf(client, criteria, earlier, options);
  if (earlierJob !== null && !criteria.except?.has(earlierJob.jobId) && criteria.matches(earlierJob.description)) {
    options.onEvent?.({ kind: "job", jobId: earlierJob.jobId, state: "reused" });
    return earlierJob;
  }
  const job = await findOrStartJob(client, criteria, () => earlier.note.mark(options), options);
  await earlier.note.write(job, options);
  return job;
}

async function jobOf(
  client: GlacierClient,
  { vaultName, accountId, reuse }: JobCriteria,
  { note, begunJobId = null }: EarlierRun,
  { signal = neverAborted }: TransferOptions,
): Promise<NotedJob | null> {
  const noted = await note.job(client, signal);
  // A job that an earlier run started for this transfer counts as new: it must not be paid for twice.
  if (noted !== null && (reuse || noted.isStarted)) {
    return noted;
  }
  if (begunJobId === null || !reuse) {
    return null;
  }
  const reference = { vaultName, accountId, jobId: begunJobId };
  const description = await describedJob(client, reference, signal);
  return description && { ...reference, isStarted: false, description };
}
