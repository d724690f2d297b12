import { type AccountId, type ByteRange, damagedArchiveMessage, errors } from "@moraine/protocol";
import { invariant } from "../domain/invariant.ts";
import type { ArchiveRetrievalJob } from "../domain/jobs/job.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { ownerOf } from "../domain/vaults/damage.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import { freshSegments } from "../segments/open.ts";
import { rangeTreeHash } from "../segments/range-tree-hash.ts";
import { readVerified } from "../segments/read.ts";
import type { JobServices, Outcome } from "./context.ts";
import { restoreRange } from "./restore-range.ts";
import type { SharedWork } from "./shared-work.ts";
import type { Turns } from "./turns.ts";

/** How the jobs of a lane share the disk and the hashing threads. */
export interface Verifying {
  readonly turns: Turns;
  /** Read in one turn. */
  readonly sliceBytes: number;
  readonly verified: SharedWork<Outcome>;
}

type Services = JobServices & Verifying;

/**
 * Reads every byte that the job offers and compares it with its stored hash, so that `Succeeded` means that the bytes are
 * there and right. Jobs on the same range share one reading. An archive that was deleted meanwhile fails the job. Throws NotRestoredYetError while
 * the store restores bytes.
 */
export async function retrieveArchive(
  services: Services,
  job: ArchiveRetrievalJob,
  accountId: AccountId,
  signal: AbortSignal,
): Promise<Outcome> {
  const { metadata, verified } = services;
  const { archiveId, vaultId, range, rangeTreeHash: treeHash } = job;
  const archive = await metadata.findArchive({ vaultId, archiveId });
  if (archive === null || archive.deletedAt !== null) {
    return { state: "failed", statusMessage: errors.archiveNotFound(archiveId).message };
  }
  // Each job for itself: their tiers differ.
  await restoreRange(services, job, signal);
  const key = `${archiveId}/${range.firstByte}-${range.lastByte}/${treeHash}`;
  return verified.outcome(key, job.createdAt, () => verify(services, job, accountId, signal));
}

async function verify(
  services: Services,
  job: ArchiveRetrievalJob,
  accountId: AccountId,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await assertTreeHash(services, job);
    for (const slice of slicesOf(job.range, services.sliceBytes)) {
      await services.turns.run(accountId, () => readSlice(services, job, slice, signal));
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      await reportDamage(services, job, error);
      return { state: "failed", statusMessage: damagedArchiveMessage(job.archiveId) };
    }
    throw error;
  }
  await services.damage.verified(job.archiveId, job.range);
  return { state: "succeeded", statusMessage: "Succeeded" };
}

async function assertTreeHash({ metadata, blobs }: Services, job: ArchiveRetrievalJob): Promise<void> {
  if (job.rangeTreeHash === null) {
    return;
  }
  const treeHash = await rangeTreeHash(freshSegments(blobs), archiveSegments(metadata, job), job.range);
  if (treeHash !== job.rangeTreeHash) {
    throw new CorruptSegmentError(null, `the segments of archive ${job.archiveId} do not have its tree hash`);
  }
}

function* slicesOf({ firstByte, lastByte }: ByteRange, sliceBytes: number): Generator<ByteRange, void, void> {
  for (let first = firstByte; first <= lastByte; first += sliceBytes) {
    yield { firstByte: first, lastByte: Math.min(first + sliceBytes - 1, lastByte) };
  }
}

async function readSlice(
  services: Services,
  { archiveId }: ArchiveRetrievalJob,
  range: ByteRange,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const segments = archiveSegments(services.metadata, { archiveId, range });
  for await (const _ of readVerified({ ...services, segments: freshSegments(services.blobs) }, segments, range)) {
    signal.throwIfAborted();
  }
}

async function reportDamage(
  services: JobServices,
  job: ArchiveRetrievalJob,
  error: CorruptSegmentError,
): Promise<void> {
  const vault = await services.metadata.findVaultById(job.vaultId);
  invariant(vault !== null, "a job goes with its vault");
  await services.damage.report(error, ownerOf(job, vault), job.range);
}
