import { rm } from "node:fs/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { DigestPool } from "../hashing/digest-pool.ts";
import { Progress, type TransferTotals } from "../progress.ts";
import { transferClient } from "../transfer-client.ts";
import { local } from "../transfer-errors.ts";
import { DownloadJournal, downloadIdentity } from "./download-journal.ts";
import { DownloadTarget } from "./download-target.ts";
import { type FileDownloadParts, fillPartial, isAsRecorded, isComplete } from "./file-download.ts";
import { completeResult, existingTarget, hasContent } from "./finished-target.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { PartialFile } from "./partial-file.ts";
import { assertRangeOptions, boundedRangeSize, planRanges, rangeSizeFor, wantedRange } from "./ranges.ts";
import { RequestSize } from "./request-size.ts";
import { Verification, type VerificationOptions, type VerifiedBy } from "./verification.ts";

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

export interface DownloadResult extends TransferTotals {
  readonly sizeBytes: number;
  /** The tree hash of the bytes as they were written; null for a part of an output. */
  readonly treeHash: string | null;
  readonly verifiedBy: VerifiedBy;
  /** Whether the target was complete before, so that nothing was downloaded. */
  readonly alreadyComplete: boolean;
}

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
  { source, job }: { readonly source: OutputSource; readonly job: JobReference },
  options: TargetDownloadOptions,
): Promise<DownloadResult> {
  const { facts } = source;
  const wanted = wantedRange(options.range, facts.sizeBytes);
  const { bandwidth, concurrency = 4 } = options;
  const rangeSizeBytes =
    options.rangeSizeBytes === undefined
      ? rangeSizeFor(facts.sizeBytes, bandwidth && bandwidth.bytesPerSecond / concurrency)
      : boundedRangeSize(options.rangeSizeBytes, facts.sizeBytes);
  const verification = new Verification(facts, wanted, options);
  await using stack = new AsyncDisposableStack();
  const mayBeDone = await target.mayBeDone();
  if (!mayBeDone) {
    await target.assertRoomFor(rangeLength(wanted));
  }
  const held: { partial?: PartialFile } = {};
  const syncData = async () => held.partial?.sync();
  const identity = downloadIdentity(job, facts, wanted);
  const journal = await DownloadJournal.open(target.journal, identity, { rangeSizeBytes, syncData });
  stack.defer(() => journal.close());
  const parts = {
    source,
    wanted,
    ranges: planRanges(wanted, facts.sizeBytes, journal.rangeSizeBytes),
    verification,
    journal,
    pool: stack.use(new DigestPool()),
    progress: new Progress(rangeLength(wanted), options.onEvent),
    bandwidth,
    requestSize: new RequestSize(journal.rangeSizeBytes),
    concurrency,
    signal: target.signalWith(options.signal),
  };
  if (mayBeDone) {
    if (await isAsRecorded(target.path, parts)) {
      const judged = verification.judge(journal.ranges, parts.progress);
      if (judged === null) {
        throw verification.failure(journal.ranges);
      }
      return { ...(await resultOf(parts, target, judged)), alreadyComplete: true };
    }
    await target.assertMayPublish();
    await target.assertRoomFor(rangeLength(wanted));
  }
  if (!isComplete(parts)) {
    await source.prepare?.(parts.signal);
  }
  const partial = await PartialFile.open(target.partial, rangeLength(wanted));
  held.partial = partial;
  stack.defer(() => partial.close());
  const verifiedBy = await fillPartial({ ...parts, partial });
  await partial.sync();
  await target.publish();
  return resultOf(parts, target, verifiedBy);
}

async function resultOf(
  parts: Pick<FileDownloadParts, "journal" | "progress" | "source" | "wanted">,
  { journal }: DownloadTarget,
  verifiedBy: VerifiedBy,
): Promise<DownloadResult> {
  await local(rm(journal));
  const sizeBytes = rangeLength(parts.wanted);
  const isWhole = sizeBytes === parts.source.facts.sizeBytes;
  return {
    sizeBytes,
    treeHash: isWhole ? parts.journal.ranges.treeHash() : null,
    verifiedBy,
    alreadyComplete: false,
    ...parts.progress.totals,
  };
}
