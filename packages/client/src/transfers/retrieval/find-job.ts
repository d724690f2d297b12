import type { GlacierJobDescription } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { isOutcomeUnknown } from "../../http/retry.ts";
import type { JobParameters } from "../../natural-inputs.ts";
import { everyItem } from "../../paginate.ts";
import type { JobReference } from "../download/output-facts.ts";
import { neverAborted, type TransferOptions } from "../events.ts";

const startsMax = 3;

export interface JobCriteria {
  readonly vaultName: string;
  readonly accountId?: string | undefined;
  readonly jobParameters: JobParameters;
  /** Whether an existing job does as well. */
  readonly matches: (job: GlacierJobDescription) => boolean;
  /** False starts one in any case. */
  readonly reuse: boolean;
  /** Ids of jobs that are known to be gone. */
  readonly except?: ReadonlySet<string> | undefined;
  /** Called for each job that is listed, of whatever archive. */
  readonly onListed?: ((job: GlacierJobDescription) => void) | undefined;
}

/** By which a job can be found whose start had no response, also among others for the same output. */
export interface JobMark {
  /** Description of the job. */
  readonly description: string;
  /** An earlier run has sent it, and may have started the job. */
  readonly isEarlier: boolean;
}

export interface FoundJob extends JobReference {
  readonly isStarted: boolean;
}

/**
 * Finds a job that matches: the newest that has succeeded, else the newest in progress, else starts one. The service's own
 * list is what remembers them.
 *
 * @param newMark called where a new job is wanted in any case.
 */
export async function findOrStartJob(
  client: GlacierClient,
  criteria: JobCriteria,
  newMark: () => Promise<JobMark>,
  { signal = neverAborted, onEvent }: TransferOptions,
): Promise<FoundJob> {
  const { vaultName, accountId, reuse } = criteria;
  const found = reuse ? await findJob(client, criteria, signal) : null;
  const jobId = found?.JobId ?? (await startJob(client, reuse ? criteria : marked(criteria, await newMark()), signal));
  onEvent?.({ kind: "job", jobId, state: found === null ? "started" : "reused" });
  return { vaultName, accountId, jobId, isStarted: found === null };
}

/** Each job may cost money: when its start had no response, the service's list is looked at before another is started. */
async function startJob(
  client: GlacierClient,
  criteria: JobCriteria & { readonly mayBeStarted?: boolean },
  signal: AbortSignal,
): Promise<string> {
  const { vaultName, accountId, jobParameters } = criteria;
  let { mayBeStarted = false } = criteria;
  for (let attempt = 1; ; attempt += 1) {
    const found = mayBeStarted ? await findJob(client, criteria, signal) : null;
    if (found !== null) {
      return found.JobId;
    }
    try {
      return (await client.initiateJob({ vaultName, accountId, jobParameters }, { signal })).jobId;
    } catch (error) {
      signal.throwIfAborted();
      if (!isOutcomeUnknown(error) || attempt >= startsMax) {
        throw error;
      }
      mayBeStarted = true;
    }
  }
}

/** Only the job with that mark matches, as one that exists may be another run's. */
function marked(criteria: JobCriteria, { description, isEarlier }: JobMark) {
  return {
    ...criteria,
    jobParameters: { ...criteria.jobParameters, Description: description },
    matches: (job: GlacierJobDescription) => job.JobDescription === description,
    mayBeStarted: isEarlier,
  };
}

/**
 * Finds the newest job that has succeeded, else the newest in progress; null when none matches. The list is read once, and no further
 * than the first job that is older than one that has succeeded: Moraine's servers list the newest first, and AWS promises no order.
 */
export async function findJob(
  client: GlacierClient,
  { vaultName, accountId, matches, except, onListed }: JobCriteria,
  signal: AbortSignal,
): Promise<GlacierJobDescription | null> {
  const newest = new Map<string, GlacierJobDescription>();
  for await (const job of everyItem(client, "listJobs", { vaultName, accountId }, { signal })) {
    onListed?.(job);
    const succeeded = newest.get("Succeeded");
    if (succeeded !== undefined && isNewer(succeeded, job)) {
      break;
    }
    if (!except?.has(job.JobId) && matches(job) && isNewer(job, newest.get(job.StatusCode))) {
      newest.set(job.StatusCode, job);
    }
  }
  return newest.get("Succeeded") ?? newest.get("InProgress") ?? null;
}

function isNewer(job: GlacierJobDescription, other: GlacierJobDescription | undefined): boolean {
  return other === undefined || job.CreationDate > other.CreationDate;
}
