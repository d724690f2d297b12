import {
  errors,
  isTreeHashAligned,
  type JobStatusCode,
  limits,
  parseRetrievalByteRange,
  rangeLength,
  type TreeHash,
} from "@moraine/protocol";
import {
  type ArchiveRetrievalJob,
  delaySeconds,
  type InventoryRetrievalJob,
  isSmallRetrieval,
  type Job,
  type JobState,
} from "../domain/jobs/job.ts";
import { describeJob as describe } from "../domain/jobs/job-description.ts";
import { pageLimit, pageOf } from "../domain/page.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { NotRestoredYetError } from "../domain/stores/blob-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import { ownerOf } from "../domain/vaults/damage.ts";
import { permittedBy } from "../domain/vaults/permission.ts";
import { arnOf, type Vault } from "../domain/vaults/vault.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import { rangeTreeHash } from "../segments/range-tree-hash.ts";
import type { Services, VaultCall, VaultHandler } from "./context.ts";
import { jobPath } from "./locations.ts";
import { type ArchiveJobRequest, type InventoryJobRequest, readJobRequest } from "./requests/job-request.ts";
import { decodeMarker, encodeMarker } from "./requests/page-markers.ts";
import { requireJob } from "./requests/require-job.ts";

/** Makes a job of its own for every call. A small one that is due has usually ended before the response. */
export const initiateJob: VaultHandler<"InitiateJob"> = async (services, { jobParameters }, call) => {
  const { sharedTopicAccounts: sharedAccounts } = services;
  const request = readJobRequest(jobParameters, { ownerId: call.key.accountId, sharedAccounts });
  const now = services.clock.now();
  const job =
    request.kind === "archive-retrieval"
      ? await archiveJob(services, call, request, now)
      : inventoryJob(services, call, request, now);
  const { metadata, monthlyFreeBytes } = services;
  await call.permitted((vault) => metadata.addJob({ ...permittedBy(vault), job, monthlyFreeBytes }));
  services.runner.wake(job);
  if (mayEndSoon(job, call.vault, now)) {
    await services.runner.wait(job.id, call.key.accountId, call.onClientGone);
  }
  return { location: jobPath(call.key, job.id), jobId: job.id };
};

const smallInventoryCount = 10_000;

/** Whether a client that polls at once, and then sleeps for minutes, should find the job done. */
function mayEndSoon(job: Job, vault: Vault, now: Instant): boolean {
  const isSmall = job.action === "ArchiveRetrieval" ? isSmallRetrieval(job) : vault.archiveCount <= smallInventoryCount;
  return isSmall && job.dueAt <= now;
}

export const describeJob: VaultHandler<"DescribeJob"> = async (services, { jobId }, call) =>
  describe(await requireJob(services, call, jobId), call.key);

/** Lists the newest first: docs/wire.md#jobs */
export const listJobs: VaultHandler<"ListJobs"> = async (services, input, { key, vault }) => {
  const states = wantedStates(input.statuscode, input.completed);
  const limit = pageLimit(input.limit, limits.pageMax);
  const after = decodeMarker(input.marker);
  const completedSince = services.trustedClock.expiryNow() - services.outputMilliseconds;
  const listed = { vaultId: vault.id, completedSince, states };
  const { rows, marker } = await pageOf(
    limit,
    // Contradictory filters ask for nothing, which is no error.
    async (most) => (states.length === 0 ? [] : services.metadata.listJobs({ ...listed, after, limit: most })),
    encodeMarker,
  );
  return { JobList: rows.map((job) => describe(job, key)), Marker: marker };
};

const stateOf: Readonly<Record<JobStatusCode, JobState>> = {
  InProgress: "in_progress",
  Succeeded: "succeeded",
  Failed: "failed",
};

function wantedStates(statusCode = "", completed = ""): JobState[] {
  if (statusCode !== "" && !Object.hasOwn(stateOf, statusCode)) {
    throw errors.jobStatusInvalid(statusCode);
  }
  if (!["", "true", "false"].includes(completed)) {
    throw errors.invalidParameter(`Invalid completed: ${completed}`);
  }
  return Object.entries(stateOf)
    .filter(([code]) => statusCode === "" || code === statusCode)
    .filter(([code]) => completed === "" || (code !== "InProgress") === (completed === "true"))
    .map(([, state]) => state);
}

function newJob(services: Services, { vault }: VaultCall, kind: Parameters<typeof delaySeconds>[1], now: Instant) {
  return {
    id: services.ids.jobId(),
    vaultId: vault.id,
    createdAt: now,
    dueAt: now + delaySeconds(services.delays, kind) * 1000,
    state: "in_progress",
    statusMessage: null,
    completedAt: null,
  } as const;
}

async function archiveJob(
  services: Services,
  call: VaultCall,
  request: ArchiveJobRequest,
  now: Instant,
): Promise<ArchiveRetrievalJob> {
  const archive = await requireArchive(services, call, request.archiveId);
  const whole = { firstByte: 0, lastByte: archive.sizeBytes - 1 };
  const range = request.byteRange === null ? whole : parseRetrievalByteRange(request.byteRange, archive.sizeBytes);
  const job = {
    ...newJob(services, call, request.tier, now),
    action: "ArchiveRetrieval",
    description: request.description,
    snsTopic: request.snsTopic,
    archiveId: archive.id,
    archiveSizeBytes: archive.sizeBytes,
    archiveTreeHash: archive.treeHash,
    archiveDescription: archive.description,
    tier: request.tier,
    range,
  } as const;
  return { ...job, rangeTreeHash: await treeHashOfRange(services, call, job) };
}

async function requireArchive({ metadata }: Services, { vault }: VaultCall, archiveId: string): Promise<Archive> {
  const archive = await metadata.findArchive({ vaultId: vault.id, archiveId });
  if (archive === null || archive.deletedAt !== null) {
    throw errors.archiveNotFound(archiveId);
  }
  return archive;
}

/** Null when the range is no node of the archive's tree, its stored hashes are cold, or they are damaged: then the job will fail. */
async function treeHashOfRange(
  { metadata, segments, damage }: Services,
  { key }: VaultCall,
  job: Omit<ArchiveRetrievalJob, "rangeTreeHash">,
): Promise<TreeHash | null> {
  if (rangeLength(job.range) === job.archiveSizeBytes) {
    return job.archiveTreeHash;
  }
  if (!isTreeHashAligned(job.range, job.archiveSizeBytes)) {
    return null;
  }
  try {
    return await rangeTreeHash(segments, archiveSegments(metadata, job), job.range);
  } catch (error) {
    if (error instanceof NotRestoredYetError) {
      return null;
    }
    if (error instanceof CorruptSegmentError) {
      await damage.report(error, ownerOf(job, key), job.range);
      return null;
    }
    throw error;
  }
}

function inventoryJob(
  services: Services,
  call: VaultCall,
  request: InventoryJobRequest,
  now: Instant,
): InventoryRetrievalJob {
  // A correct request for an inventory that was never taken; `practical` takes it on demand (docs/wire.md#inventories).
  if (services.profile === "aws" && call.vault.inventory === null) {
    throw errors.inventoryNotFound(arnOf(call.key));
  }
  return {
    ...newJob(services, call, "Inventory", now),
    action: "InventoryRetrieval",
    description: request.description,
    snsTopic: request.snsTopic,
    format: request.format,
    selection: request.selection,
    output: null,
  };
}
