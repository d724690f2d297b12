import { rm } from "node:fs/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../client.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { DigestPool } from "./digest-pool.ts";
import { DownloadJournal, downloadIdentity } from "./download-journal.ts";
import { never, type TransferOptions } from "./events.ts";
import { type FileDownloadParts, fetchedRanges, fillPartial, isAsRecorded } from "./file-download.ts";
import { assertFree, giveName, isSameFile, isThere } from "./final-name.ts";
import { LockFile, lockOptionsOf } from "./lock-file.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { PartialFile } from "./partial-file.ts";
import { Progress, type TransferTotals } from "./progress.ts";
import { assertRangeOptions, planRanges, rangeSizeFor, wantedRange } from "./ranges.ts";
import { transferClient } from "./transfer-client.ts";
import { JournalMismatchError } from "./transfer-errors.ts";
import { treeHashOf, Verification, type VerificationOptions, type VerifiedBy } from "./verification.ts";

export interface DownloadOptions extends TransferOptions, VerificationOptions {
  /** The file to be. Until all is verified, `TARGET.partial` and `TARGET.partial.journal` stand beside it. */
  readonly target: string;
  /** Replace a file that has the target's name. @default false: TargetExistsError */
  readonly overwrite?: boolean | undefined;
  /** Of the output, which is a part of the archive where the job is. @default all of it */
  readonly range?: ByteRange | undefined;
  /** Ranges under way at once. @default 4 */
  readonly concurrency?: number | undefined;
  /**
   * 1 MiB times a power of two. A download that goes on keeps the size it began with. @default 16 MiB; from 512 MiB on 32 MiB, beyond
   * 512 GiB more; less with a bandwidth of which a range would take more than a second
   */
  readonly rangeSizeBytes?: number | undefined;
  /** Shared with whatever else it is given to. @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
}

export interface DownloadResult extends TransferTotals {
  readonly sizeBytes: number;
  /** Of the bytes as they were written; null for a part of an output, whose ranges are no tree of their own. */
  readonly treeHash: string | null;
  readonly verifiedBy: VerifiedBy;
}

/**
 * Downloads a completed job's output to a file: in ranges, several at once, each verified by itself and all as a whole, before
 * the file gets its name. What breaks off, by whatever, goes on when called again, without a verified range being fetched
 * again.
 *
 * Throws VerificationError or RangeFailedError, which name the range; UnverifiableError, TargetExistsError,
 * TransferBusyError, JournalMismatchError, LocalFileError, JobNotReadyError, JobFailedError; what the service answers, such as
 * ResourceNotFoundException for a job that has expired; the signal's reason. In none of these cases there is a target.
 */
export async function downloadJobOutput(
  client: GlacierClient,
  job: JobReference,
  options: DownloadOptions,
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const facts = await outputFacts(persistent, job, options.signal ?? never);
  return downloadToFile(jobSource(persistent, job, facts), job, options);
}

/** The same from any source of ranges. */
export async function downloadToFile(
  source: OutputSource,
  job: JobReference,
  options: DownloadOptions,
): Promise<DownloadResult> {
  const { facts } = source;
  const wanted = wantedRange(options.range, facts.sizeBytes);
  const { bandwidth, concurrency = 4 } = options;
  const rangeSizeBytes =
    options.rangeSizeBytes ?? rangeSizeFor(facts.sizeBytes, bandwidth && bandwidth.bytesPerSecond / concurrency);
  const verification = new Verification(facts, wanted, planRanges(wanted, facts.sizeBytes, rangeSizeBytes), options);
  const names = namesFor(options.target);
  await using stack = new AsyncDisposableStack();
  const lock = stack.use(await LockFile.take(names.lock, lockOptionsOf(options)));
  const mayBeDone = await settle(names);
  if (!mayBeDone) {
    await assertMayName(names, options);
  }

  const held: { partial?: PartialFile } = {};
  const syncData = async () => held.partial?.sync();
  const identity = downloadIdentity(job, facts, wanted);
  const journal = await DownloadJournal.open(names.journal, identity, { rangeSizeBytes, syncData });
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
    concurrency,
    signal: AbortSignal.any([options.signal ?? never, lock.lost]),
  };
  if (mayBeDone) {
    if (await isAsRecorded(names.target, parts)) {
      const judged = verification.judge(fetchedRanges(parts), parts.progress);
      if (judged === null) {
        throw verification.failure(fetchedRanges(parts));
      }
      return conclude(parts, names, judged);
    }
    await assertMayName(names, options);
  }
  const partial = await PartialFile.open(names.partial, rangeLength(wanted));
  held.partial = partial;
  stack.defer(() => partial.close());
  const verifiedBy = await fillPartial({ ...parts, partial });
  await partial.sync();
  await lock.assertHeld();
  await giveName(names.partial, names.target, options.overwrite ?? false);
  return conclude(parts, names, verifiedBy);
}

interface Names {
  readonly target: string;
  readonly partial: string;
  readonly journal: string;
  readonly lock: string;
}

function namesFor(target: string): Names {
  const partial = `${target}.partial`;
  return { target, partial, journal: `${partial}.journal`, lock: `${partial}.lock` };
}

/**
 * Puts in order what a process left that ended while it gave the name. True when the target may be what is wanted already:
 * it is there, and a journal, and no partial file. Throws JournalMismatchError for a partial file that is none of ours.
 */
async function settle({ target, partial, journal }: Names): Promise<boolean> {
  const hasJournal = await isThere(journal);
  if (hasJournal && (await isSameFile(partial, target))) {
    await rm(partial);
  }
  const hasPartial = await isThere(partial);
  if (hasPartial && !hasJournal) {
    throw new JournalMismatchError(
      `${partial} has no journal, so nobody knows what it is. Choose another target, or remove it`,
    );
  }
  return hasJournal && !hasPartial && (await isThere(target));
}

async function assertMayName({ target }: Names, { overwrite = false }: DownloadOptions): Promise<void> {
  if (!overwrite) {
    await assertFree(target);
  }
}

async function conclude(
  parts: Pick<FileDownloadParts, "ranges" | "journal" | "progress" | "source" | "wanted">,
  names: Names,
  verifiedBy: VerifiedBy,
): Promise<DownloadResult> {
  await rm(names.journal);
  const sizeBytes = rangeLength(parts.wanted);
  const isWhole = sizeBytes === parts.source.facts.sizeBytes;
  return {
    sizeBytes,
    treeHash: isWhole ? treeHashOf(fetchedRanges(parts)) : null,
    verifiedBy,
    ...parts.progress.totals,
  };
}
