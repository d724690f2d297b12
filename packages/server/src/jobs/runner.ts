import { type AccountId, type JobId, millisecondsPer } from "@moraine/protocol";
import { sleep } from "../clock/sleep.ts";
import { type Job, type JobClaim, type JobLane, jobLanes, laneOf } from "../domain/jobs/job.ts";
import { BlobStoreUnavailableError, NotRestoredYetError, StorageFullError } from "../domain/stores/blob-store.ts";
import { DamagedRowError } from "../domain/stores/metadata-store.ts";
import { AccountTurns } from "./account-turns.ts";
import { retrieveArchive, type Verifying } from "./archive-retrieval.ts";
import { type ClaimLoop, claimTimes, startClaimLoop } from "./claim-loop.ts";
import type { JobServices, Outcome } from "./context.ts";
import { retrieveInventory } from "./inventory-retrieval.ts";
import { JobWaits } from "./job-waits.ts";
import { restorePause } from "./restore-range.ts";
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
  const onJobPutOff = ({ job }: JobClaim) => waits.ended(job.id);
  const loops = new Map(jobLanes.map((lane) => [lane, startLane(services, { lane, verified, onJobEnd, onJobPutOff })]));
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
  /** The job waits for the store, and holds no place in its lane meanwhile. */
  onJobPutOff(claim: JobClaim): void;
}

function startLane(services: JobServices, { lane, verified, onJobEnd, onJobPutOff }: Lane): ClaimLoop {
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
      const result = await runJob(services, claim, verifying, signal);
      if (result === "ended") {
        onJobEnd(claim);
      } else if (result === "put off") {
        onJobPutOff(claim);
      }
      accounts.ended(claim.accountId);
    },
  });
}

/** Never rejects: what fails is tried again when the claim has lapsed. */
async function runJob(
  services: JobServices,
  claim: JobClaim,
  verifying: Verifying,
  signal: AbortSignal,
): Promise<"ended" | "put off" | "failed"> {
  const { metadata, clock, node, log } = services;
  const { job, fence } = claim;
  const { leaseMilliseconds, renewalMilliseconds } = claimTimes(node);
  const renewal = setInterval(() => {
    metadata
      .renewJob({ jobId: job.id, fence, leaseUntil: clock.now() + leaseMilliseconds })
      .catch((error: unknown) => log.postponed(`renewing the claim on job ${job.id}`, error));
  }, renewalMilliseconds);
  try {
    const isEnded = await onceStorageWorks(services, claim, signal, async () => {
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
    return isEnded ? "ended" : "failed";
  } catch (error) {
    clearInterval(renewal);
    if (error instanceof NotRestoredYetError) {
      return putOff(services, claim);
    }
    if (!signal.aborted) {
      log.postponed(`job ${job.id}`, error);
    }
    return "failed";
  } finally {
    clearInterval(renewal);
  }
}

/**
 * Gives the claim up, with a time before which nobody claims the job again. The row has it, so it outlives this process, and any node may be the next.
 */
async function putOff({ metadata, clock, log }: JobServices, { job, fence }: JobClaim): Promise<"put off" | "failed"> {
  const now = clock.now();
  const leaseUntil = now + restorePause(now - job.dueAt);
  try {
    await metadata.renewJob({ jobId: job.id, fence, leaseUntil });
    return "put off";
  } catch (error) {
    log.postponed(`putting off job ${job.id}`, error);
    return "failed";
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
