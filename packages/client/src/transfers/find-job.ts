import type { GlacierJobDescription, JobParameters } from "@moraine/protocol";
import type { GlacierClient } from "../client.ts";
import { everyItem } from "../paginate.ts";
import { isOutcomeUnknown } from "../retry.ts";
import { never, type TransferOptions } from "./events.ts";
import type { JobReference } from "./output-facts.ts";

const startsMax = 3;

export interface JobWish {
  readonly vaultName: string;
  readonly accountId?: string | undefined;
  readonly jobParameters: JobParameters;
  /** Whether an existing job does as well. */
  readonly serves: (job: GlacierJobDescription) => boolean;
  /** False starts one in any case. */
  readonly reuse: boolean;
  /** Ids of jobs that are known to be gone. */
  readonly except?: ReadonlySet<string> | undefined;
}

/**
 * A job that serves: the newest that has succeeded, else the newest under way, else one that is started. The service's own
 * list is what remembers them, so nothing has to survive here.
 */
export async function findOrStartJob(
  client: GlacierClient,
  wish: JobWish,
  { signal = never, onEvent }: TransferOptions,
): Promise<JobReference> {
  const { vaultName, accountId } = wish;
  const found = wish.reuse ? await findJob(client, wish, signal) : null;
  const jobId = found?.JobId ?? (await startJob(client, wish, signal));
  onEvent?.({ kind: "job", jobId, state: found === null ? "started" : "reused" });
  return { vaultName, accountId, jobId };
}

/** Each job may cost money: when no answer came, the service's list is looked at before it is asked again. */
async function startJob(client: GlacierClient, wish: JobWish, signal: AbortSignal): Promise<string> {
  const { vaultName, accountId, jobParameters } = wish;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await client.initiateJob({ vaultName, accountId, jobParameters }, { signal })).jobId;
    } catch (error) {
      signal.throwIfAborted();
      // A wish for a new one cannot tell it from those that were there.
      if (!(wish.reuse && isOutcomeUnknown(error)) || attempt >= startsMax) {
        throw error;
      }
      const started = await findJob(client, wish, signal);
      if (started !== null) {
        return started.JobId;
      }
    }
  }
}

/** Null when there is none that serves. */
export async function findJob(
  client: GlacierClient,
  wish: JobWish,
  signal: AbortSignal,
): Promise<GlacierJobDescription | null> {
  return (await newest(client, wish, "Succeeded", signal)) ?? (await newest(client, wish, "InProgress", signal));
}

async function newest(
  client: GlacierClient,
  { vaultName, accountId, serves, except }: JobWish,
  statuscode: string,
  signal: AbortSignal,
): Promise<GlacierJobDescription | null> {
  const found: GlacierJobDescription[] = [];
  for await (const job of everyItem(client, "listJobs", { vaultName, accountId, statuscode }, { signal })) {
    if (!except?.has(job.JobId) && serves(job)) {
      found.push(job);
    }
  }
  const newestFirst = found.toSorted((one, other) => other.CreationDate.localeCompare(one.CreationDate));
  return newestFirst[0] ?? null;
}
