import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import type { GlacierClient } from "../client.ts";
import { type DownloadOptions, type DownloadResult, downloadToFile } from "./download-job-output.ts";
import { DownloadTarget } from "./download-target.ts";
import { never, type TransferOptions } from "./events.ts";
import { findJob, findOrStartJob } from "./find-job.ts";
import type { JobReference } from "./output-facts.ts";
import { assertRangeOptions, type RangeOptions } from "./ranges.ts";
import { RenewingSource } from "./renewing-source.ts";
import { type StreamOptions, streamFrom } from "./stream-job-output.ts";
import { transferClient } from "./transfer-client.ts";
import { type SizeCheck, type WaitOptions, waitForJob } from "./wait-for-job.ts";

/** An archive of a vault. */
export interface ArchiveReference {
  readonly vaultName: string;
  readonly archiveId: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
}

export interface RetrievalOptions extends WaitOptions {
  /** Of jobs that are started. @default the service's: Standard */
  readonly tier?: JobTier | undefined;
  /** Take a job for the whole archive that is there already, whatever its tier. @default true */
  readonly reuse?: boolean | undefined;
}

/**
 * Gets an archive to a file: finds or starts its job, waits for it, downloads as `downloadJobOutput` does. When the job's output
 * expires in the middle, another job is started, and what was verified is kept. Whatever breaks it off, calling it again
 * goes on where it was.
 */
export async function retrieveArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: RetrievalOptions & DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  await using target = await DownloadTarget.open(options);
  const checkSize = (sizeBytes: number) => target.assertRoomFor(sizeBytes);
  const watched = { ...options, checkSize, signal: target.signalWith(options.signal) };
  return await downloadToFile(target, await openArchive(client, archive, watched), watched);
}

/** The same in order, as `streamJobOutput` does. */
export async function* streamArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: RetrievalOptions & StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const { source } = await openArchive(client, archive, options);
  yield* streamFrom(source, options);
}

/** What retrieving an archive would begin with. */
export interface RetrievalPlan {
  /** The job that it would take; null when it would start one. */
  readonly job: GlacierJobDescription | null;
  /** The archive's, as some job for it tells; null when none does. */
  readonly sizeBytes: number | null;
}

/** Finds the job that retrieving the archive would take, without starting any. */
export async function findRetrieval(
  client: GlacierClient,
  archive: ArchiveReference,
  { signal = never }: Pick<TransferOptions, "signal"> = {},
): Promise<RetrievalPlan> {
  let sizeBytes: number | null = null;
  const onListed = (job: GlacierJobDescription) => {
    sizeBytes ??= job.ArchiveId === archive.archiveId ? job.ArchiveSizeInBytes : null;
  };
  const job = await findJob(client, { ...criteriaFor(archive, {}), onListed }, signal);
  return { job, sizeBytes };
}

async function openArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: RetrievalOptions & RangeOptions & SizeCheck,
): Promise<{ source: RenewingSource; job: JobReference }> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const gone = new Set<string>();
  const succeeded = async (wishes: RetrievalOptions) => {
    const job = await findOrStartJob(persistent, { ...criteriaFor(archive, wishes), except: gone }, wishes);
    return { job, facts: await waitForJob(persistent, job, wishes) };
  };
  const first = await succeeded(options);
  const renew = async ({ jobId }: JobReference, signal: AbortSignal) => {
    gone.add(jobId);
    options.onEvent?.({ kind: "job", jobId, state: "expired" });
    // Whatever was wished for at first: a job that this run has started must not be paid for twice.
    return (await succeeded({ ...options, signal, reuse: true })).job;
  };
  return { source: new RenewingSource(persistent, first, renew), job: first.job };
}

function criteriaFor({ vaultName, archiveId, accountId }: ArchiveReference, { tier, reuse = true }: RetrievalOptions) {
  return {
    vaultName,
    accountId,
    jobParameters: { Type: "archive-retrieval", ArchiveId: archiveId, ...(tier === undefined ? {} : { Tier: tier }) },
    matches: (job: GlacierJobDescription) =>
      job.ArchiveId === archiveId &&
      job.RetrievalByteRange === `0-${(job.ArchiveSizeInBytes ?? 0) - 1}` &&
      job.Action === "ArchiveRetrieval",
    reuse,
  };
}
