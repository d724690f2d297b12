import type { ByteRange, GlacierJobDescription } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { neverAborted } from "../events.ts";
import { findJob, type JobCriteria } from "../retrieval/find-job.ts";
import type { JobNote } from "../retrieval/job-note.ts";
import { TargetExistsError } from "../transfer-errors.ts";
import type { DownloadResult } from "./download-result.ts";
import { completeResult, existingTarget, hasContent, type KnownOutput } from "./finished-target.ts";

interface FinishedOptions {
  readonly target: string;
  readonly range?: ByteRange | undefined;
  readonly overwrite?: boolean | undefined;
  readonly skipExisting?: boolean | undefined;
  /** The tree hash of the archive, where the caller knows it. */
  readonly treeHash?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the result of an earlier run if the target is the archive already; null if a download is needed. Throws TargetExistsError for a
 * file with other content that is not to be overwritten. Starts no job.
 */
export async function finishedArchive(
  client: GlacierClient,
  criteria: JobCriteria,
  note: JobNote,
  { target, range, overwrite = false, skipExisting = false, treeHash, signal = neverAborted }: FinishedOptions,
): Promise<DownloadResult | null> {
  const existing = await existingTarget(target, range);
  if (existing === null) {
    return null;
  }
  const isHashEnough = treeHash !== undefined && !skipExisting;
  const known = isHashEnough ? { sizeBytes: null, treeHash } : await knownByJobs(client, criteria, note, signal);
  if (skipExisting && (known === null || known.sizeBytes === existing.sizeBytes)) {
    return completeResult(existing, known === null ? "nothing" : "size", null);
  }
  if (!skipExisting && known !== null && (await hasContent(existing, known, signal))) {
    await note.forget();
    return completeResult(existing, "whole", known.treeHash);
  }
  if (overwrite) {
    return null;
  }
  const problem =
    known === null
      ? "already exists, and no job shows the archive's tree hash to compare it with"
      : "already exists, and its content is not the archive's";
  throw new TargetExistsError(`${target} ${problem}; it is overwritten only when asked`);
}

/** Finds the archive's size and tree hash by any job for it, whatever the job's state. Null if there is none. */
async function knownByJobs(
  client: GlacierClient,
  criteria: JobCriteria,
  note: JobNote,
  signal: AbortSignal,
): Promise<KnownOutput | null> {
  const { ArchiveId: archiveId } = criteria.jobParameters;
  let known: KnownOutput | null = null;
  const onListed = (job: GlacierJobDescription) => {
    const { ArchiveId, ArchiveSizeInBytes: sizeBytes, ArchiveSHA256TreeHash: treeHash } = job;
    if (ArchiveId === archiveId && sizeBytes && treeHash) {
      known ??= { sizeBytes, treeHash };
    }
  };
  const noted = await note.job(client, signal);
  if (noted !== null) {
    onListed(noted.description);
  }
  if (known === null) {
    await findJob(client, { ...criteria, onListed }, signal);
  }
  return known;
}
