import type { Job, JobClaim } from "../domain/job.ts";
import { retrieveArchive } from "./archive-retrieval.ts";
import { type ClaimLoop, leaseMilliseconds, startClaimLoop } from "./claim-loop.ts";
import type { JobServices, Outcome } from "./context.ts";
import { retrieveInventory } from "./inventory-retrieval.ts";

const jobsAtOnceMax = 4;
const renewalMilliseconds = 60 * 1000;

/** Runs jobs when they are due. @param onEnd called when one has ended, and may have left messages to send. */
export function startRunner(services: JobServices, onEnd: () => void): ClaimLoop {
  const { metadata } = services;
  return startClaimLoop(services, {
    name: "due jobs",
    atOnceMax: jobsAtOnceMax,
    claim: (at) => metadata.claimJobs(at),
    nextDue: (now) => metadata.nextJobDue(now),
    async run(claim, signal) {
      if (await runJob(services, claim, signal)) {
        onEnd();
      }
    },
  });
}

/** Resolves to whether this has ended the job. Never rejects: what fails is tried again when the claim has lapsed. */
async function runJob(services: JobServices, claim: JobClaim, signal: AbortSignal): Promise<boolean> {
  const { metadata, clock, log } = services;
  const { job, fence } = claim;
  const renewal = setInterval(() => {
    metadata
      .renewJob({ jobId: job.id, fence, leaseUntil: clock.now() + leaseMilliseconds })
      .catch((error: unknown) => log.postponed(`renewing the claim on job ${job.id}`, error));
  }, renewalMilliseconds);
  try {
    const outcome = await work(services, job, fence, signal);
    const won =
      outcome.ended ?? (await metadata.finishJob({ jobId: job.id, fence, ...outcome, now: clock.now(), output: null }));
    if (won) {
      log.finished(claim, outcome.state);
    }
    return won;
  } catch (error) {
    if (!signal.aborted) {
      log.postponed(`job ${job.id}`, error);
    }
    return false;
  } finally {
    clearInterval(renewal);
  }
}

function work(services: JobServices, job: Job, fence: number, signal: AbortSignal): Promise<Outcome> {
  return job.action === "ArchiveRetrieval"
    ? retrieveArchive(services, job, signal)
    : retrieveInventory(services, job, fence, signal);
}
