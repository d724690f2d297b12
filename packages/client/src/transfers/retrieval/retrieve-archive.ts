import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { type DownloadOptions, downloadToFile } from "../download/download-job-output.ts";
import type { DownloadResult } from "../download/download-result.ts";
import { recordedArchive } from "../download/earlier-download.ts";
import { DownloadTarget, namesFor } from "../download/files/download-target.ts";
import { finishedArchive } from "../download/finished-archive.ts";
import type { JobReference, OutputFacts } from "../download/output-facts.ts";
import { assertRangeOptions } from "../download/ranges/ranges.ts";
import { RenewingSource } from "../download/renewing-source.ts";
import { type StreamOptions, streamFrom } from "../download/stream-job-output.ts";
import { type VerifyOptions, verifyFrom } from "../download/verify-output.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { transferClient } from "../transfer-client.ts";
import { JournalMismatchError } from "../transfer-errors.ts";
import { chooseJob } from "./choose-job.ts";
import { findJob, findOrStartJob, type JobCriteria } from "./find-job.ts";
import { JobNote, type NoteSubject } from "./job-note.ts";
import { type SizeCheck, type WaitOptions, waitForJob } from "./wait-for-job.ts";

/** An archive of a vault. */
export interface ArchiveReference {
  readonly vaultName: string;
  readonly archiveId: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
}

export interface RetrievalOptions extends WaitOptions {
  /** The tier of jobs that are started. @default the service's: Standard */
  readonly tier?: JobTier | undefined;
  /** Takes an existing job for the entire archive, whatever its tier. @default true */
  readonly reuse?: boolean | undefined;
  /**
   * The jobs for the archive in the service's list, read before for several archives at once. A job that has ended since is asked for, and
   * replaced. @default the list is read
   */
  readonly listedJobs?: readonly GlacierJobDescription[] | undefined;
  /**
   * Accepts a target of the archive's size as complete, without reading it; of any size, if no job shows the archive's size. @default false
   */
  readonly skipExisting?: boolean | undefined;
}

export interface StreamRetrievalOptions extends RetrievalOptions {
  /**
   * A file that remembers the job until the end of the stream, so that the next call takes the same one, even without `reuse`. A download
   * to a file has one next to its target. @default none
   */
  readonly jobFile?: string | undefined;
}

/**
 * Downloads an archive to a file: finds or starts its job, waits for it, downloads as `downloadJobOutput` does. If the job's output expires
 * during the download, another job is started, and verified ranges are kept. After any interruption, the next call resumes the download
 * with the same job. A target that is the archive already, or needs only its name, needs no job.
 */
export async function retrieveArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: RetrievalOptions & DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const names = namesFor(options.target);
  const note = new JobNote(names.job, subjectOf(archive));
  const finished = await finishedArchive(persistent, criteriaFor(archive, options), note, options);
  if (finished !== null) {
    return finished;
  }
  await using target = await DownloadTarget.open(options);
  const checkSize = (sizeBytes: number) => target.assertRoomFor(sizeBytes);
  const watched = { ...options, checkSize, signal: target.signalWith(options.signal) };
  const known = await recordedArchive(target.journal, archive);
  const jobs = archiveJobs(persistent, archive, note, watched);
  const opened =
    known === null ? await openFirst(persistent, jobs, watched.signal) : openLater(persistent, jobs, archive, known);
  const result = await downloadToFile(target, opened, watched);
  await note.forget();
  return result;
}

/** Yields an archive in order, as `streamJobOutput` does, with its job found or started. */
export async function* streamArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: StreamRetrievalOptions & StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const note = new JobNote(options.jobFile ?? null, subjectOf(archive), { onlyStarted: true });
  const { source } = await openFirst(persistent, archiveJobs(persistent, archive, note, options), options.signal);
  yield* streamFrom(source, options);
  await note.forget();
}

/** Verifies an archive as `verifyJobOutput` does, with its job found or started: for an audit that does not need the bytes. */
export async function verifyArchive(
  client: GlacierClient,
  archive: ArchiveReference,
  options: StreamRetrievalOptions & VerifyOptions = {},
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const note = new JobNote(options.jobFile ?? null, subjectOf(archive), { onlyStarted: true });
  const { source } = await openFirst(persistent, archiveJobs(persistent, archive, note, options), options.signal);
  const result = await verifyFrom(source, options);
  await note.forget();
  return result;
}

/** Finds or starts the job of an archive, without waiting for it. Resolves to the job's id. */
export async function startRetrieval(
  client: GlacierClient,
  archive: ArchiveReference,
  options: Pick<RetrievalOptions, "tier" | "listedJobs" | "signal" | "onEvent"> = {},
): Promise<string> {
  const neverMarked = () => Promise.reject(new Error("A job that may be reused has no mark"));
  const { jobId } = await findOrStartJob(
    transferClient(client, options),
    criteriaFor(archive, options),
    neverMarked,
    options,
  );
  return jobId;
}

/** The plan of a retrieval. */
export interface RetrievalPlan {
  /** The job that it would take; null if it would start one. */
  readonly job: GlacierJobDescription | null;
  /** The archive's size according to any job for it; null if there is none. */
  readonly sizeBytes: number | null;
}

/** Finds the job that retrieving the archive would take, without starting any. */
export async function findRetrieval(
  client: GlacierClient,
  archive: ArchiveReference,
  { signal = neverAborted }: Pick<TransferOptions, "signal"> = {},
): Promise<RetrievalPlan> {
  let sizeBytes: number | null = null;
  const onListed = (job: GlacierJobDescription) => {
    sizeBytes ??= job.ArchiveId === archive.archiveId ? job.ArchiveSizeInBytes : null;
  };
  const job = await findJob(client, { ...criteriaFor(archive, {}), onListed }, signal);
  return { job, sizeBytes };
}

interface SucceededJob {
  readonly job: JobReference;
  readonly facts: OutputFacts;
}

interface ArchiveJobs {
  first(signal: AbortSignal): Promise<SucceededJob>;
  next(gone: JobReference, signal: AbortSignal): Promise<JobReference>;
}

/** Jobs for the same archive, one after the other. Each method resolves once its job has succeeded. */
function archiveJobs(
  client: GlacierClient,
  archive: ArchiveReference,
  note: JobNote,
  options: RetrievalOptions & SizeCheck,
): ArchiveJobs {
  const gone = new Set<string>();
  const succeeded = async (wanted: RetrievalOptions & SizeCheck) => {
    const job = await chooseJob(client, { ...criteriaFor(archive, wanted), except: gone }, { note }, wanted);
    return { job, facts: await waitForJob(client, job, wanted) };
  };
  return {
    first: (signal) => succeeded({ ...options, signal }),
    async next({ jobId }, signal) {
      gone.add(jobId);
      options.onEvent?.({ kind: "job", jobId, state: "expired" });
      // Jobs are reused even if a new one was wanted at first: a job that this run has started must not be paid for twice.
      return (await succeeded({ ...options, signal, reuse: true })).job;
    },
  };
}

async function openFirst(client: GlacierClient, jobs: ArchiveJobs, signal: AbortSignal = neverAborted) {
  const first = await jobs.first(signal);
  const renew = async (gone: JobReference | null, ending: AbortSignal) =>
    gone === null ? first.job : jobs.next(gone, ending);
  return { source: new RenewingSource(client, first, renew), job: first.job };
}

/** Opens an output whose facts are in the journal. A job is looked for only when a range is missing. */
function openLater(client: GlacierClient, jobs: ArchiveJobs, { vaultName }: ArchiveReference, facts: OutputFacts) {
  const renew = async (gone: JobReference | null, signal: AbortSignal) => {
    if (gone !== null) {
      return jobs.next(gone, signal);
    }
    const first = await jobs.first(signal);
    if (first.facts.treeHash !== facts.treeHash || first.facts.sizeBytes !== facts.sizeBytes) {
      throw new JournalMismatchError(
        "The partial file's journal has another size or tree hash than the service has for the archive. Remove both to start over",
      );
    }
    return first.job;
  };
  return { source: new RenewingSource(client, { job: null, facts }, renew), job: { vaultName, jobId: "" } };
}

function subjectOf({ vaultName, accountId, archiveId }: ArchiveReference): NoteSubject {
  return { vaultName, accountId: accountId ?? null, archiveId, inventoryFormat: null };
}

function criteriaFor(
  { vaultName, archiveId, accountId }: ArchiveReference,
  { tier, reuse = true, listedJobs }: RetrievalOptions,
): JobCriteria {
  return {
    vaultName,
    accountId,
    jobParameters: { Type: "archive-retrieval", ArchiveId: archiveId, Tier: tier },
    matches: (job: GlacierJobDescription) =>
      job.ArchiveId === archiveId &&
      job.RetrievalByteRange === `0-${(job.ArchiveSizeInBytes ?? 0) - 1}` &&
      job.Action === "ArchiveRetrieval",
    reuse,
    listed: listedJobs,
  };
}
