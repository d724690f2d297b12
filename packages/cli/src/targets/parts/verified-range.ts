import { streamFrom } from "@moraine/client/node";
import type { ByteRange } from "@moraine/protocol";
import { byteCounter } from "../byte-counter.ts";
import type { ArchiveOutput, StoreOptions } from "../target.ts";

/** The memory of a range while it is read, in addition to that of its reader. */
export const readingBytesMax = 4 * 1024 ** 2;

/**
 * Reads a range of an output in order, each piece of it once it is verified by the service's checksum. A piece without one is passed on: the
 * reader must verify the tree hash of the entire archive.
 */
export function verifiedRange(
  output: ArchiveOutput,
  range: ByteRange,
  { signal, bandwidth, onBytes }: StoreOptions,
): AsyncIterable<Uint8Array> {
  return streamFrom(output, {
    range,
    signal,
    bandwidth,
    concurrency: 1,
    rangeSizeBytes: readingBytesMax,
    reuseBuffers: true,
    acceptUnverified: true,
    onEvent: byteCounter(onBytes),
  });
}
