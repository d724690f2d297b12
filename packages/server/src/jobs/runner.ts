import { type AccountId, type JobId, millisecondsPer } from "@moraine/protocol";
import { sleep } from "../clock/sleep.ts";
import { type Job, type JobClaim, type JobLane, jobLanes, laneOf } from "../domain/jobs/job.ts";
import { BlobStoreUnavailableError, StorageFullError } from "../domain/stores/blob-store.ts";
import { DamagedRowError } from "../domain/stores/metadata-store.ts";
import { AccountTurns } from "./account-turns.ts";
import { retrieveArchive, type Verifying } from "./archive-retrieval.ts";
import { type ClaimLoop, claimTimes, startClaimLoop } from "./claim-loop.ts";
import type { JobServices, Outcome } from "./context.ts";
import { retrieveInventory } from "./inventory-retrieval.ts";
import { JobWaits } from "./job-waits.ts";
import { SharedWork } from "./shared-work.ts";
import { Turns } from "./turns.ts";

export interface RunnerOptions {
  /** Called when a job has ended, and may have left messages to send. */
  onEnd(): void;
  /** How long InitiateJob may wait for a job that is done soon. */
  readonly waitMilliseconds: number;
}

export interface Runner {
  /** The job may have become due. */
  wake(job: Job): void;
  /** Resolves when the job has ended, its client has gone, or it takes longer than a client should wait. */
  wait(jobId: JobId, accountId: AccountId, onClientGone: (listener: () => void) => void): Promise<void>;
  /** As a claim loop does. */
  stop(): Promise<void>;
}

interface LaneLimits {
  /** Claims that the lane holds, and those of one account: some are always left to others. */
  readonly jobsMax: number;
  readonly jobsPerAccountMax: number;
  /** How many of its jobs read at a time, and how much each reads before another account has its turn. */
  readonly readersMax: number;
  readonly sliceBytes: number;
}

const mebibyte = 1024 ** 2;

const laneLimits: Readonly<Record<JobLane, LaneLimits>> = {
  expedited: { jobsMax: 16, jobsPerAccountMax: 8, readersMax: 1, sliceBytes: 16 * mebibyte },
  inventory: { jobsMax: 3, jobsPerAccountMax: 2, readersMax: 3, sliceBytes: 16 * mebibyte },
  small: { jobsMax: 16, jobsPerAccountMax: 8, readersMax: 1, sliceBytes: 16 * mebibyte },
  large: { jobsMax: 16, jobsPerAccountMax: 8, readersMax: 2, sliceBytes: 64 * mebibyte },
};

/** Runs jobs when they are due, each lane for itself. */
export function startRunner(services: JobServices, { onEnd, waitMilliseconds }: RunnerOptions): Runner {
  const waits = new JobWaits(waitMilliseconds);
  const verified: Verifying["verified"] = new SharedWork(() => services.clock.now());
  const onJobEnd = ({ job }: JobClaim) => {
    waits.ended(job.id);
    onEnd();
  };
  const loops = new Map(jobLanes.map((lane) => [lane, startLane(services, { lane, verified, onJobEnd })]));
  return {
    wake: (job) => loops.get(laneOf(job))?.wake(),
    wait: (...given) => waits.wait(...given),
    async stop() {
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
    },
  };
}

interface Lane {
  readonly lane: JobLane;
  readonly verified: Verifying["verified"];
  onJobEnd(claim: JobClaim): void;
}

function startLane(services: JobServices, { lane, verified, onJobEnd }: Lane): ClaimLoop {
  const { metadata } = services;
  const { jobsMax, jobsPerAccountMax, readersMax, sliceBytes } = laneLimits[lane];
  const verifying = { turns: new Turns(readersMax), sliceBytes, verified };
  const accounts = new AccountTurns(jobsPerAccountMax);
  return startClaimLoop(services, {
    name: `due jobs (${lane})`,
    atOnceMax: jobsMax,
    async claim(at) {
      const claims = await metadata.claimJobs({ ...at, ...accounts.next(), lane });
      for (const { accountId } of claims) {
        accounts.claimed(accountId);
      }
      return claims;
    },
    nextDue: (now) => metadata.nextJobDue({ lane, now, dueAfter: accounts.someoneHoldsAll() ? now : null }),
    async run(claim, signal) {
      if (await runJob(services, claim, verifying, signal)) {
        onJobEnd(claim);
      }
      accounts.ended(claim.accountId);
    },
  });
}

/** Resolves to whether this has ended the job. Never rejects: what fails is tried again when the claim has lapsed. */
async function runJob(
  services: JobServices,
  claim: JobClaim,
  verifying: Verifying,
  signal: AbortSignal,
): Promise<boolean> {
  const { metadata, clock, node, log } = services;
  const { job, fence } = claim;
  const { leaseMilliseconds, renewalMilliseconds } = claimTimes(node);
  const renewal = setInterval(() => {
    metadata
      .renewJob({ jobId: job.id, fence, leaseUntil: clock.now() + leaseMilliseconds })
      .catch((error: unknown) => log.postponed(`renewing the claim on job ${job.id}`, error));
  }, renewalMilliseconds);
  try {
    return await onceStorageWorks(services, claim, signal, async () => {
      const outcome = await work(services, claim, verifying, signal).catch((error: unknown) =>
        failureOf(services, error),
      );
      const end = { jobId: job.id, fence, ...outcome, now: clock.now(), output: null };
      const won = outcome.ended ?? (await metadata.finishJob(end));
      if (won) {
        log.finished(claim, outcome.state);
      }
      return won;
    });
  } catch (error) {
    if (!signal.aborted) {
      log.postponed(`job ${job.id}`, error);
    }
    return false;
  } finally {
    clearInterval(renewal);
  }
}

/** Real time: the service's clock does not make room on a disk. */
const storagePauseMilliseconds = 2 * millisecondsPer.second;

/** Repeats an attempt while the disk is full, or the store is away. It keeps the claim, which would have to lapse before another one. */
async function onceStorageWorks(
  { log }: JobServices,
  { job }: JobClaim,
  signal: AbortSignal,
  attempt: () => Promise<boolean>,
): Promise<boolean> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StorageFullError || error instanceof BlobStoreUnavailableError)) {
        throw error;
      }
      log.postponed(`job ${job.id}`, error);
    }
    await sleep(storagePauseMilliseconds, signal);
    signal.throwIfAborted();
  }
}

/** Damaged metadata stay so until an operator restores them: the job fails now, rather than being tried for ever. */
function failureOf({ log }: JobServices, error: unknown): Outcome {
  if (!(error instanceof DamagedRowError)) {
    throw error;
  }
  log.damagedRow(error.found);
  return { state: "failed", statusMessage: "The metadata that the job needs are damaged" };
}

function work(
  services: JobServices,
  { job, accountId, fence }: JobClaim,
  verifying: Verifying,
  signal: AbortSignal,
): Promise<Outcome> {
  return job.action === "ArchiveRetrieval"
    ? retrieveArchive({ ...services, ...verifying }, job, accountId, signal)
    : retrieveInventory(services, job, fence, signal);
}
