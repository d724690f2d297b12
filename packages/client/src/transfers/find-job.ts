import type { GlacierJobDescription } from "@moraine/protocol";
import type { GlacierClient } from "../glacier-client.ts";
import type { JobParameters } from "../natural-inputs.ts";
import { everyItem } from "../paginate.ts";
import { isOutcomeUnknown } from "../retry.ts";
import { never, type TransferOptions } from "./events.ts";
import type { JobReference } from "./output-facts.ts";

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

/**
 * Finds a job that matches: the newest that has succeeded, else the newest in progress, else starts one. The service's own
 * list is what remembers them.
 */
export async function findOrStartJob(
  client: GlacierClient,
  criteria: JobCriteria,
  { signal = never, onEvent }: TransferOptions,
): Promise<FoundJob> {
  const { vaultName, accountId } = criteria;
  const found = criteria.reuse ? await findJob(client, criteria, signal) : null;
  const jobId = found?.JobId ?? (await startJob(client, criteria, signal));
  onEvent?.({ kind: "job", jobId, state: found === null ? "started" : "reused" });
  return { vaultName, accountId, jobId, isStarted: found === null };
}

export interface FoundJob extends JobReference {
  readonly isStarted: boolean;
}

/** Each job may cost money: when its start had no response, the service's list is looked at before another is started. */
async function startJob(client: GlacierClient, criteria: JobCriteria, signal: AbortSignal): Promise<string> {
  const { vaultName, accountId, jobParameters } = criteria;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await client.initiateJob({ vaultName, accountId, jobParameters }, { signal })).jobId;
    } catch (error) {
      signal.throwIfAborted();
      // Where a new job is wanted, it cannot be told from those that existed before.
      if (!(criteria.reuse && isOutcomeUnknown(error)) || attempt >= startsMax) {
        throw error;
      }
      const started = await findJob(client, criteria, signal);
      if (started !== null) {
        return started.JobId;
      }
    }
  }
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
