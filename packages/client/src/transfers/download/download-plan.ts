import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { Bandwidth } from "../bandwidth.ts";
import type { TransferOptions } from "../events.ts";
import { Progress } from "../progress.ts";
import { type DownloadIdentity, DownloadJournal, downloadIdentity } from "./download-journal.ts";
import type { DownloadTarget } from "./files/download-target.ts";
import type { JobReference, OutputFacts } from "./output-facts.ts";
import type { OutputSource } from "./output-source.ts";
import { boundedRangeSize, type PlannedRange, planRanges, rangeSizeFor, wantedRange } from "./ranges/ranges.ts";
import { Verification, type VerificationOptions } from "./verification.ts";

interface PlanOptions extends TransferOptions, VerificationOptions {
  readonly range?: ByteRange | undefined;
  readonly concurrency?: number | undefined;
  readonly rangeSizeBytes?: number | undefined;
  readonly bandwidth?: Bandwidth | undefined;
}

/** The decisions about a download to a file that need neither the disk nor the service. */
export interface DownloadPlan {
  readonly source: OutputSource;
  readonly facts: OutputFacts;
  readonly wanted: ByteRange;
  readonly identity: DownloadIdentity;
  /** For a new journal; one that exists keeps its own. */
  readonly rangeSizeBytes: number;
  readonly verification: Verification;
  readonly progress: Progress;
  readonly bandwidth: Bandwidth | undefined;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** Throws for a range outside the output, and UnverifiableError for an output that nothing could verify. */
export function planDownload(
  target: DownloadTarget,
  { source, job }: { readonly source: OutputSource; readonly job: JobReference },
  options: PlanOptions,
): DownloadPlan {
  const { facts } = source;
  const wanted = wantedRange(options.range, facts.sizeBytes);
  const { bandwidth, concurrency = 4 } = options;
  const rangeSizeBytes =
    options.rangeSizeBytes === undefined
      ? rangeSizeFor(facts.sizeBytes, bandwidth && bandwidth.bytesPerSecond / concurrency)
      : boundedRangeSize(options.rangeSizeBytes, facts.sizeBytes);
  return {
    source,
    facts,
    wanted,
    identity: downloadIdentity(job, facts, wanted),
    rangeSizeBytes,
    verification: new Verification(facts, wanted, options),
    progress: new Progress(rangeLength(wanted), options.onEvent),
    bandwidth,
    concurrency,
    signal: target.signalWith(options.signal),
  };
}

/**
 * Opens or creates the plan's journal, which decides the size of the ranges.
 *
 * @param syncData makes the bytes in the partial file survive a power cut.
 */
export async function openRanges(
  path: string,
  { identity, rangeSizeBytes, wanted, facts }: DownloadPlan,
  syncData: () => Promise<void>,
): Promise<{ readonly journal: DownloadJournal; readonly ranges: Iterable<PlannedRange> }> {
  const journal = await DownloadJournal.open(path, identity, { rangeSizeBytes, syncData });
  return { journal, ranges: planRanges(wanted, facts.sizeBytes, journal.rangeSizeBytes) };
}
