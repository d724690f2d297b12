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
  /** Whether an existing job can be used. */
  readonly matches: (job: GlacierJobDescription) => boolean;
  /** False starts a new job in any case. */
  readonly reuse: boolean;
  /** Ids of jobs that are known to have expired. */
  readonly except?: ReadonlySet<string> | undefined;
  /** The service's list, as it was read before. @default it is read */
  readonly listed?: readonly GlacierJobDescription[] | undefined;
  /** Called for each listed job, of any archive. */
  readonly onListed?: ((job: GlacierJobDescription) => void) | undefined;
}

/** Identifies a job whose start had no response, also among others for the same output. */
export interface JobMark {
  /** Description of the job. */
  readonly description: string;
  /** Whether an earlier run has sent it, and may have started the job. */
  readonly isEarlier: boolean;
}

export interface FoundJob extends JobReference {
  readonly isStarted: boolean;
}

/**
 * Finds a job that matches: the newest that has succeeded, else the newest in progress. Else it starts one. Jobs are found in the service's
 * own list.
 *
 * @param newMark called if a new job is wanted in any case.
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

/**
 * Starts a job. Each may cost money, so when a start had no response, the job is looked for in the service's list before another is
 * started.
 */
async function startJob(
  client: GlacierClient,
  criteria: JobCriteria & { readonly mayBeStarted?: boolean },
  signal: AbortSignal,
): Promise<string> {
  const { vaultName, accountId, jobParameters } = criteria;
  let { mayBeStarted = false } = criteria;
  for (let attempt = 1; ; attempt += 1) {
    // A list that was read before lacks it.
    const found = mayBeStarted ? await findJob(client, { ...criteria, listed: undefined }, signal) : null;
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

/** Returns criteria that only the job with that mark matches: an existing job may be another run's. */
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
  { vaultName, accountId, matches, except, listed, onListed }: JobCriteria,
  signal: AbortSignal,
): Promise<GlacierJobDescription | null> {
  const newest = new Map<string, GlacierJobDescription>();
  const jobs = listed ?? everyItem(client, "listJobs", { vaultName, accountId }, { signal });
  for await (const job of jobs) {
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
