import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { inParallel } from "../in-parallel.ts";
import { Progress } from "../progress.ts";
import { transferClient } from "../transfer-client.ts";
import { type DownloadResult, resultOf } from "./download-result.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { type FetchContext, fetchRange, type Keep } from "./ranges/fetch-range.ts";
import { FetchedRanges } from "./ranges/fetched-ranges.ts";
import {
  assertRangeOptions,
  boundedRangeSize,
  type PlannedRange,
  planRanges,
  rangeSizeFor,
  wantedRange,
} from "./ranges/ranges.ts";
import { RequestSize } from "./ranges/request-size.ts";
import { Verification, type VerificationOptions } from "./verification.ts";

export interface VerifyOptions extends TransferOptions, VerificationOptions {
  /** The range to verify, counted from the output's first byte. @default the entire output */
  readonly range?: ByteRange | undefined;
  /** Ranges downloaded at the same time. @default 4 */
  readonly concurrency?: number | undefined;
  /** 1 MiB times a power of two. @default as for downloads to a file */
  readonly rangeSizeBytes?: number | undefined;
  /** @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
}

/**
 * Downloads a completed job's output and verifies it as `downloadJobOutput` does, but keeps no byte of it, in memory or on disk. An
 * interrupted run starts over.
 */
export async function verifyJobOutput(
  client: GlacierClient,
  job: JobReference,
  options: VerifyOptions = {},
): Promise<DownloadResult> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const facts = await outputFacts(persistent, job, options.signal ?? neverAborted);
  return verifyFrom(jobSource(persistent, job, facts), options);
}

/** Verifies the output of any source of ranges. */
export async function verifyFrom(source: OutputSource, options: VerifyOptions): Promise<DownloadResult> {
  const { sizeBytes } = source.facts;
  const wanted = wantedRange(options.range, sizeBytes);
  const verification = new Verification(source.facts, wanted, options);
  const rangeSizeBytes = boundedRangeSize(options.rangeSizeBytes ?? rangeSizeFor(sizeBytes), sizeBytes);
  const progress = new Progress(rangeLength(wanted), options.onEvent);
  const context = { source, progress, bandwidth: options.bandwidth, requestSize: new RequestSize(rangeSizeBytes) };
  const ranges = planRanges(wanted, sizeBytes, rangeSizeBytes);
  const fetched = new FetchedRanges();
  for (let isSecond = false; ; isSecond = true) {
    await fetchMissing(context, { ranges, fetched }, options);
    const verifiedBy = verification.judge(fetched, progress);
    if (verifiedBy !== null) {
      return resultOf({ wanted, facts: source.facts, progress }, fetched, { verifiedBy });
    }
    if (isSecond || fetched.areProven) {
      throw verification.failure(fetched);
    }
    forgetUnproven(ranges, fetched, progress);
  }
}

function forgetUnproven(ranges: Iterable<PlannedRange>, fetched: FetchedRanges, progress: Progress): void {
  for (const range of ranges) {
    if (!fetched.get(range.index)?.proven) {
      fetched.delete(range.index);
      progress.unverified(rangeLength(range));
    }
  }
}

async function fetchMissing(
  context: FetchContext,
  { ranges, fetched }: { readonly ranges: Iterable<PlannedRange>; readonly fetched: FetchedRanges },
  { concurrency = 4, signal = neverAborted }: VerifyOptions,
): Promise<void> {
  const fetch = async (range: PlannedRange, either: AbortSignal) => {
    if (!fetched.has(range.index)) {
      fetched.set(range.index, await fetchRange(context, range, keepNothing, either));
      context.progress.verified(rangeLength(range));
    }
  };
  await inParallel(ranges, concurrency, fetch, signal);
}

const keepNothing: Keep = async (bytes) => {
  for await (const _ of bytes);
};
