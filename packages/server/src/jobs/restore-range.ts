import { millisecondsPer, rangeLength } from "@moraine/protocol";
import type { ArchiveRetrievalJob } from "../domain/jobs/job.ts";
import { BlobStoreUnavailableError, NotRestoredYetError } from "../domain/stores/blob-store.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import type { JobServices } from "./context.ts";

/** Slower than any job reads: what it has read must stay restored until it has read the rest. */
const readBytesPerMillisecond = 16 * 1024;

/**
 * Has the store restore all segments of the job's range, for as long as its output will be offered. Throws NotRestoredYetError until all of
 * them can be read. Nothing is remembered: the store knows for what it was asked.
 */
export async function restoreRange(
  services: JobServices,
  job: ArchiveRetrievalJob,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, blobs, outputMilliseconds, log } = services;
  const { cold } = blobs;
  if (cold?.areExpected !== true) {
    return;
  }
  const milliseconds = outputMilliseconds + rangeLength(job.range) / readBytesPerMillisecond;
  let isRestored = true;
  try {
    for await (const page of archiveSegments(metadata, job)) {
      signal.throwIfAborted();
      const keys = page.map(({ key }) => key);
      const arePageRestored = await cold.restore(keys, { tier: job.tier, milliseconds });
      isRestored &&= arePageRestored;
    }
  } catch (error) {
    if (!(error instanceof BlobStoreUnavailableError)) {
      throw error;
    }
    // A store that takes no more requests, or grants no right to make them, is asked again without holding up other jobs.
    log.postponed(`restoring the archive ${job.archiveId} for job ${job.id}`, error);
    isRestored = false;
  }
  if (!isRestored) {
    throw new NotRestoredYetError(`The archive ${job.archiveId}`);
  }
}

const pauseMillisecondsMin = 10 * millisecondsPer.second;
const pauseMillisecondsMax = 10 * millisecondsPer.minute;

/** How long to wait before looking again: an eighth of the time since the job was due, for restores take from a minute to two days. */
export const restorePause = (waitedMilliseconds: number): number =>
  Math.min(pauseMillisecondsMax, Math.max(pauseMillisecondsMin, waitedMilliseconds / 8));
