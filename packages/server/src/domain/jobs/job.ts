import {
  type AccountId,
  type ArchiveId,
  type ByteRange,
  errors,
  type InventoryFormat,
  type JobId,
  limits,
  rangeLength,
  type TreeHash,
} from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

export type Tier = "Expedited" | "Standard" | "Bulk";
export const tiers: readonly Tier[] = ["Expedited", "Standard", "Bulk"];

/** `in_progress → succeeded | failed`, and nothing else: the output is fixed once a job has succeeded. */
export type JobState = "in_progress" | "succeeded" | "failed";

interface JobBase {
  readonly id: JobId;
  readonly vaultId: string;
  /** Null when the client gave none. */
  readonly description: string | null;
  readonly snsTopic: string | null;
  readonly createdAt: Instant;
  readonly dueAt: Instant;
  readonly state: JobState;
  /** The message for people; null while in progress. */
  readonly statusMessage: string | null;
  readonly completedAt: Instant | null;
}

export interface ArchiveRetrievalJob extends JobBase {
  readonly action: "ArchiveRetrieval";
  readonly archiveId: ArchiveId;
  readonly archiveSizeBytes: number;
  readonly archiveTreeHash: TreeHash;
  readonly archiveDescription: string;
  readonly tier: Tier;
  /** Within the archive. */
  readonly range: ByteRange;
  /** The tree hash of the range; null if the range is no node of the archive's tree. */
  readonly rangeTreeHash: TreeHash | null;
}

export interface InventoryRetrievalJob extends JobBase {
  readonly action: "InventoryRetrieval";
  readonly format: InventoryFormat;
  readonly selection: InventorySelection;
  /** Where the document lies; null until it is written. */
  readonly output: InventoryOutput | null;
}

export type Job = ArchiveRetrievalJob | InventoryRetrievalJob;

/** Which archives an inventory lists; texts as the client sent them, since they are echoed. */
export interface InventorySelection {
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly limit: string | null;
  readonly marker: string | null;
}

export interface InventoryOutput {
  readonly segmentKey: string;
  readonly sizeBytes: number;
  /** The marker of the next page; null when the list is at its end. */
  readonly nextMarker: string | null;
}

/** Queues of jobs that never wait for each other. */
export type JobLane = "expedited" | "inventory" | "small" | "large";
export const jobLanes: readonly JobLane[] = ["expedited", "inventory", "small", "large"];

const smallRetrievalBytesMax = 64 * 1024 ** 2;

export function laneOf(job: Job): JobLane {
  if (job.action === "InventoryRetrieval") {
    return "inventory";
  }
  if (job.tier === "Expedited") {
    return "expedited";
  }
  return isSmallRetrieval(job) ? "small" : "large";
}

export function isSmallRetrieval({ range }: ArchiveRetrievalJob): boolean {
  return rangeLength(range) <= smallRetrievalBytesMax;
}

/** Throws LimitExceededException when the account may not have another job in progress. */
export function assertJobsLeft(inProgress: number): void {
  if (inProgress >= limits.jobsInProgressMax) {
    throw errors.limitExceeded(`Job limit exceeded: ${limits.jobsInProgressMax} jobs of the account are in progress`);
  }
}

/** The right to finish a job: a later claim bumps the fence, and whoever holds an older one is refused. */
export interface JobClaim {
  readonly job: Job;
  /** The account of the job's vault. */
  readonly accountId: AccountId;
  readonly fence: number;
}

/** Delays between accepting a job and beginning to complete it, in seconds. */
export interface JobDelays {
  readonly expeditedSeconds: number;
  readonly standardSeconds: number;
  readonly bulkSeconds: number;
  readonly inventorySeconds: number;
}

export function delaySeconds(delays: JobDelays, kind: Tier | "Inventory"): number {
  switch (kind) {
    case "Expedited":
      return delays.expeditedSeconds;
    case "Standard":
      return delays.standardSeconds;
    case "Bulk":
      return delays.bulkSeconds;
    case "Inventory":
      return delays.inventorySeconds;
  }
}
