import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { Progress } from "../progress.ts";
import { transferClient } from "../transfer-client.ts";
import { type FetchContext, type FetchedRange, fetchRange, type Keep } from "./fetch-range.ts";
import { RangeFold } from "./fetched-ranges.ts";
import { type JobReference, outputFacts } from "./output-facts.ts";
import { jobSource, type OutputSource } from "./output-source.ts";
import { assertRangeOptions, type PlannedRange, planRanges, wantedRange } from "./ranges.ts";
import { RequestSize } from "./request-size.ts";
import { Verification, type VerificationOptions } from "./verification.ts";

/** Each range under way is in memory, so they are smaller than a file's. */
const streamRangeSizeBytes = 4 * 1024 ** 2;

export interface StreamOptions extends TransferOptions, VerificationOptions {
  /** The range of the output. @default all of it */
  readonly range?: ByteRange | undefined;
  /** Ranges under way at once, each in memory. @default 4 */
  readonly concurrency?: number | undefined;
  /** 1 MiB times a power of two. @default 4 MiB */
  readonly rangeSizeBytes?: number | undefined;
  /** @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
  /**
   * Each piece is good only until the next is asked for, which may come in the same memory: for who writes each to its end
   * before that. Saves 50 MiB and more. @default false
   */
  readonly reuseBuffers?: boolean | undefined;
}

/**
 * A completed job's output in order, several ranges fetched ahead; no byte of an archive is passed on before its range is
 * verified, and the end comes only when the whole is. Inventories have no checksums: their size is what is verified.
 *
 * Throws as `downloadJobOutput` does, UnverifiableError also for a server that sends no checksum with a range.
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

/** The same from any source of ranges. */
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
  /** Memory of whole ranges that nobody needs any more. */
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
      range.catch(() => undefined); // Whoever waits for it hears of it.
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
