import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { Progress } from "../progress.ts";
import { transferClient } from "../transfer-client.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { type FetchContext, type FetchedRange, fetchRange, type Keep } from "./ranges/fetch-range.ts";
import { RangeFold } from "./ranges/fetched-ranges.ts";
import { assertRangeOptions, type PlannedRange, planRanges, wantedRange } from "./ranges/ranges.ts";
import { RequestSize } from "./ranges/request-size.ts";
import { Verification, type VerificationOptions } from "./verification.ts";

/** The default size of ranges, smaller than a file's: those in progress are in memory. */
const streamRangeSizeBytes = 4 * 1024 ** 2;

export interface StreamOptions extends TransferOptions, VerificationOptions {
  /** The range to read, counted from the output's first byte. @default the entire output */
  readonly range?: ByteRange | undefined;
  /** Ranges downloaded at the same time, each in memory. @default 4 */
  readonly concurrency?: number | undefined;
  /** 1 MiB times a power of two. @default 4 MiB */
  readonly rangeSizeBytes?: number | undefined;
  /** @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
  /**
   * Reuses the memory of each piece once the next one is requested. Set it if you consume each piece before you request the next; it saves
   * 50 MiB and more. @default false
   */
  readonly reuseBuffers?: boolean | undefined;
}

/**
 * Yields a completed job's output in order, with several ranges fetched ahead. No byte of an archive is passed on before its range is
 * verified, and the stream ends well only if all ranges together are right. Inventories have no checksums: only their size is verified.
 *
 * Throws as `downloadJobOutput` does; UnverifiableError also for a server that sends no checksum with a range.
 */
export async function* streamJobOutput(
  client: GlacierClient,
  job: JobReference,
  options: StreamOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  assertRangeOptions(options);
  const persistent = transferClient(client, options);
  const facts = await outputFacts(persistent, job, options.signal ?? neverAborted);
  yield* streamFrom(jobSource(persistent, job, facts), options);
}

/** Streams from any source of ranges, as `streamJobOutput` does. */
export async function* streamFrom(
  source: OutputSource,
  options: StreamOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const { facts } = source;
  const wanted = wantedRange(options.range, facts.sizeBytes);
  const rangeSizeBytes = options.rangeSizeBytes ?? streamRangeSizeBytes;
  const ranges = planRanges(wanted, facts.sizeBytes, rangeSizeBytes);
  const verification = new Verification(facts, wanted, options);
  const progress = new Progress(rangeLength(wanted), options.onEvent);
  const free: Buffer<ArrayBuffer>[] = [];
  const context = {
    source,
    progress,
    bandwidth: options.bandwidth,
    requestSize: new RequestSize(rangeSizeBytes),
    free,
    rangeSizeBytes,
  };
  const fetched = new RangeFold();
  for await (const { bytes, range, ...result } of inOrder(ranges, context, options)) {
    verification.assertPassable(range, result, progress);
    fetched.add(result);
    progress.verified(rangeLength(range));
    yield bytes;
    if (options.reuseBuffers && bytes.buffer.byteLength === rangeSizeBytes) {
      free.push(Buffer.from(bytes.buffer));
    }
  }
  if (verification.judge(fetched, progress) === null) {
    throw verification.failure(fetched);
  }
}

type RangeInMemory = FetchedRange & { readonly range: ByteRange; readonly bytes: Buffer<ArrayBuffer> };

interface StreamContext extends FetchContext {
  /** Memory of ranges of the full size that can be reused. */
  readonly free: Buffer<ArrayBuffer>[];
  readonly rangeSizeBytes: number;
}

async function* inOrder(
  ranges: Iterable<PlannedRange>,
  context: StreamContext,
  { concurrency = 4, signal = neverAborted }: StreamOptions,
): AsyncGenerator<RangeInMemory, void, void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const ahead: Promise<RangeInMemory>[] = [];
  const plan = ranges[Symbol.iterator]();
  const fetchAhead = () => {
    while (ahead.length < concurrency) {
      const next = plan.next();
      if (next.done) {
        return;
      }
      const range = fetchToMemory(context, next.value, either);
      range.catch(() => undefined); // The wait for this range throws its error.
      ahead.push(range);
    }
  };
  try {
    for (fetchAhead(); ahead.length > 0; fetchAhead()) {
      const range = await ahead.shift();
      if (range !== undefined) {
        yield range;
      }
    }
  } finally {
    stop.abort(new Error("The stream was left"));
    await Promise.allSettled(ahead);
  }
}

async function fetchToMemory(context: StreamContext, range: ByteRange, signal: AbortSignal): Promise<RangeInMemory> {
  const length = rangeLength(range);
  const isFull = length === context.rangeSizeBytes;
  const memory = (isFull && context.free.pop()) || Buffer.allocUnsafeSlow(length);
  const keep: Keep = async (bytes, offset) => {
    let filled = offset;
    for await (const piece of bytes) {
      memory.set(piece, filled);
      filled += piece.length;
    }
  };
  const fetched = await fetchRange(context, range, keep, signal);
  return { ...fetched, range, bytes: memory };
}
