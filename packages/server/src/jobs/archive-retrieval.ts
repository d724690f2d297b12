import { damagedArchiveMessage, errors } from "@moraine/protocol";
import { ownerOf } from "../domain/damage.ts";
import { invariant } from "../domain/invariant.ts";
import type { ArchiveRetrievalJob } from "../domain/job.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import { freshSegments } from "../segments/open.ts";
import { rangeTreeHash } from "../segments/range-tree-hash.ts";
import { readVerified } from "../segments/read.ts";
import type { JobServices, Outcome } from "./context.ts";

/**
 * Reads every byte that the job offers and compares it with its stored hash, so that `Succeeded` means that the bytes are
 * there and right. An archive that was deleted meanwhile fails the job (contract 13.5).
 */
export async function retrieveArchive(
  services: JobServices,
  job: ArchiveRetrievalJob,
  signal: AbortSignal,
): Promise<Outcome> {
  const { metadata } = services;
  const archive = await metadata.findArchive({ vaultId: job.vaultId, archiveId: job.archiveId });
  if (archive === null || archive.deletedAt !== null) {
    return { state: "failed", statusMessage: errors.archiveNotFound(job.archiveId).message };
  }
  try {
    await readAll(services, job, signal);
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

async function readAll(services: JobServices, job: ArchiveRetrievalJob, signal: AbortSignal): Promise<void> {
  const segments = archiveSegments(services.metadata, job);
  const fresh = freshSegments(services.blobs);
  if (job.rangeTreeHash !== null) {
    const treeHash = await rangeTreeHash(fresh, segments, job.range);
    if (treeHash !== job.rangeTreeHash) {
      throw new CorruptSegmentError(null, `the segments of archive ${job.archiveId} do not have its tree hash`);
    }
  }
  for await (const _ of readVerified({ ...services, segments: fresh }, segments, job.range)) {
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
