import type { Job, JobClaim } from "../domain/job.ts";
import { retrieveArchive } from "./archive-retrieval.ts";
import type { JobServices, Outcome } from "./context.ts";
import { retrieveInventory } from "./inventory-retrieval.ts";

/** Runs jobs when they are due. */
export interface Runner {
  /** A job may have become due. */
  wake(): void;
  /** Claims no more, breaks off what runs and waits for it; claims that are left are taken up again at the next start. */
  stop(): Promise<void>;
}

const jobsAtOnceMax = 4;
const leaseMilliseconds = 5 * 60 * 1000;
const renewalMilliseconds = 60 * 1000;
/** Other processes may add jobs, and claims may lapse, without a word to this one. */
const pollMilliseconds = 30 * 1000;

export function startRunner(services: JobServices): Runner {
  const { metadata, clock } = services;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let alarm = new AbortController();
  const wake = () => alarm.abort();

  const begin = (claim: JobClaim) => {
    const work = runJob(services, claim, stopping.signal).finally(() => {
      running.delete(work);
      wake();
    });
    running.add(work);
  };

  const round = async () => {
    const free = jobsAtOnceMax - running.size;
    const now = clock.now();
    const claims =
      free === 0 ? [] : await metadata.claimJobs({ now, leaseUntil: now + leaseMilliseconds, limit: free });
    claims.forEach(begin);
    // With every hand full, the end of a job wakes the loop, not the time of the next.
    const due = running.size === jobsAtOnceMax ? null : await metadata.nextJobDue(now);
    await clock.sleepUntil(Math.min(due ?? Number.POSITIVE_INFINITY, now + pollMilliseconds), alarm.signal);
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      // Whoever wakes the loop from here on is heard: the round that follows has not looked yet.
      alarm = new AbortController();
      await round().catch((error: unknown) => {
        services.log.postponed("looking for due jobs", error);
        return pause(stopping.signal);
      });
    }
  };

  const ended = loop();
  return {
    wake,
    async stop() {
      stopping.abort();
      wake();
      await ended;
      await Promise.all(running);
    },
  };
}

/** A store that fails is asked again in a second, by the wall: its failure has nothing to do with the service's clock. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Never rejects: what fails is tried again when the claim has lapsed. */
async function runJob(services: JobServices, claim: JobClaim, signal: AbortSignal): Promise<void> {
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
  } catch (error) {
    if (!signal.aborted) {
      log.postponed(`job ${job.id}`, error);
    }
  } finally {
    clearInterval(renewal);
  }
}

function work(services: JobServices, job: Job, fence: number, signal: AbortSignal): Promise<Outcome> {
  return job.action === "ArchiveRetrieval"
    ? retrieveArchive(services, job, signal)
    : retrieveInventory(services, job, fence, signal);
}
