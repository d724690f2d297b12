import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { DigestPool } from "../hashing/digest-pool.ts";
import { transferClient } from "../transfer-client.ts";
import { openRanges, planDownload } from "./download-plan.ts";
import { type DownloadResult, resultOf } from "./download-result.ts";
import { earlierResult } from "./earlier-result.ts";
import { fillPartial, isComplete } from "./file-download.ts";
import { DownloadTarget } from "./files/download-target.ts";
import { PartialFile } from "./files/partial-file.ts";
import { completeResult, existingTarget, hasContent } from "./finished-target.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { assertRangeOptions } from "./ranges/ranges.ts";
import { RequestSize } from "./ranges/request-size.ts";
import type { VerificationOptions } from "./verification.ts";

export interface DownloadOptions extends TransferOptions, VerificationOptions {
  /**
   * The path of the resulting file. Until everything is verified, the download is in `TARGET.partial` and `TARGET.partial.journal`. A name
   * of more than 205 bytes is cut in theirs.
   */
  readonly target: string;
  /** Replaces a file that has the target's name. @default false: TargetExistsError */
  readonly overwrite?: boolean | undefined;
  /**
   * The range to download, counted from the output's first byte; the output of a job for a part of an archive is that part. @default the
   * entire output
   */
  readonly range?: ByteRange | undefined;
  /** Ranges downloaded at the same time. @default 4 */
  readonly concurrency?: number | undefined;
  /**
   * 1 MiB times a power of two. A download that is resumed keeps its size. An output of more than 131,072 ranges gets larger ones. @default
   * 16 MiB; from 512 MiB on 32 MiB, beyond 512 GiB more; less with a bandwidth at which a range would take more than a second
   */
  readonly rangeSizeBytes?: number | undefined;
  /** The rate limit, shared with all other transfers that have the same one. @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
}

export type TargetDownloadOptions = Omit<DownloadOptions, "target" | "overwrite">;

/**
 * Downloads a completed job's output to a file, several ranges at once. Each range is verified by itself, and all of them together, before
 * the file gets its name. An interrupted download resumes on the next call; verified ranges are not fetched again.
 *
 * Throws VerificationError or RangeFailedError, which name the range; UnverifiableError, TargetExistsError, UnusableFileError,
 * TransferBusyError, JournalMismatchError, LocalFileError, JobNotReadyError, JobFailedError; the service's errors, such as
 * ResourceNotFoundException for a job that has expired; the signal's reason. No target is written in any of these cases.
 */
export async function downloadJobOutput(
  client: GlacierClient,
  job: JobReference,
  options: DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const finished = await finishedOutput(transferClient(client, options), job, options);
  if (finished !== null) {
    return finished;
  }
  await using target = await DownloadTarget.open(options);
  return await downloadOutput(target, { client, job }, options);
}

/**
 * Downloads an archive from any source of ranges, as `downloadJobOutput` does: also from one whose job the caller has found, knowing its
 * facts, so that no job is described.
 */
export async function downloadFrom(
  source: OutputSource,
  { vaultName }: { readonly vaultName: string },
  options: DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const { sizeBytes, treeHash } = source.facts;
  const existing = await existingTarget(options.target, options.range);
  if (existing !== null && treeHash !== null && (await hasContent(existing, { sizeBytes, treeHash }, options.signal))) {
    return completeResult(existing, "whole", treeHash);
  }
  await using target = await DownloadTarget.open(options);
  return await downloadToFile(target, { source, job: { vaultName, jobId: "" } }, options);
}

/** Returns the result of an earlier run if the target is the output already, else null. */
async function finishedOutput(
  client: GlacierClient,
  job: JobReference,
  { target, range, treeHash, signal = neverAborted }: DownloadOptions,
): Promise<DownloadResult | null> {
  const existing = await existingTarget(target, range);
  if (existing === null) {
    return null;
  }
  const facts = treeHash === undefined ? await outputFacts(client, job, signal).catch(() => null) : null;
  signal.throwIfAborted();
  const known = treeHash ?? facts?.treeHash ?? null;
  const isComplete =
    known !== null && (await hasContent(existing, { sizeBytes: facts?.sizeBytes ?? null, treeHash: known }, signal));
  return isComplete ? completeResult(existing, "whole", known) : null;
}

/** Downloads a job's output to a target that is open already. */
export async function downloadOutput(
  target: DownloadTarget,
  { client, job }: { readonly client: GlacierClient; readonly job: JobReference },
  options: TargetDownloadOptions,
): Promise<DownloadResult> {
  const persistent = transferClient(client, options);
  const facts = await outputFacts(persistent, job, target.signalWith(options.signal));
  return await downloadToFile(target, { source: jobSource(persistent, job, facts), job }, options);
}

/** Downloads from any source of ranges. */
export async function downloadToFile(
  target: DownloadTarget,
  output: { readonly source: OutputSource; readonly job: JobReference },
  options: TargetDownloadOptions,
): Promise<DownloadResult> {
  const plan = planDownload(target, output, options);
  const earlier = await earlierResult(target, plan);
  if (earlier !== null) {
    return earlier;
  }
  const sizeBytes = rangeLength(plan.wanted);
  await target.assertRoomFor(sizeBytes);
  await using stack = new AsyncDisposableStack();
  let partial: PartialFile | null = null;
  // The journal comes before the partial file: without a journal the next run would refuse the partial file, since its content is unknown.
  // Also, a run that waits for a job leaves no partial file.
  const { journal, ranges } = await openRanges(target.journal, plan, async () => partial?.sync());
  stack.defer(() => journal.close());
  const pool = stack.use(new DigestPool());
  const parts = { ...plan, journal, ranges, pool, requestSize: new RequestSize(journal.rangeSizeBytes) };
  if (!isComplete(parts)) {
    await plan.source.prepare?.(plan.signal);
  }
  partial = await PartialFile.open(target.partial, sizeBytes);
  stack.defer(() => partial?.close());
  const verifiedBy = await fillPartial({ ...parts, partial });
  await partial.sync();
  await target.publish();
  await target.removeJournal();
  return resultOf(plan, journal.ranges, { verifiedBy });
}
