import { type ByteRange, formatContentRange, formatRange, rangeLength } from "@moraine/protocol";
import { GlacierConnectionError } from "../../errors.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import type { JobOutput } from "../../job-output.ts";
import { release } from "../../node/release.ts";
import { retryForOf } from "../../persistent-client.ts";
import type { JobReference, OutputFacts } from "./output-facts.ts";

/** Where ranges of an output are had from: a job, or one job after another. */
export interface OutputSource {
  readonly facts: OutputFacts;
  /** How long a range is retried that makes no progress. */
  readonly retryForMilliseconds: number;
  /** Called before the first range is fetched, if any is missing: resolves when there is a job. */
  prepare?(signal: AbortSignal): Promise<void>;
  /** Rejects unless exactly that range is on its way. */
  open(range: ByteRange, signal: AbortSignal): Promise<OpenRange>;
}

export interface OpenRange {
  /** As the service sent it, in lower case; nothing has compared it. */
  readonly checksum: string | null;
  /**
   * Throws when more or fewer bytes come than the range has. Must be read or left. A piece is good until the next one is asked
   * for: its memory is given back.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export function jobSource(client: GlacierClient, job: JobReference, facts: OutputFacts): OutputSource {
  return {
    facts,
    retryForMilliseconds: retryForOf(client),
    async open(range, signal) {
      // Its time counts in the client, from when it is sent: a request may wait long for its turn while the service throttles.
      const output = await client.getJobOutput({ ...job, range }, { signal });
      const fault = faultOf(output, range, facts.sizeBytes);
      if (fault !== null) {
        await output.body.cancel();
        throw new Error(fault);
      }
      return { checksum: output.checksum?.toLowerCase() ?? null, bytes: exactly(output.body, rangeLength(range)) };
    },
  };
}

/** Servers have ignored ranges, and sent others than were asked for. */
function faultOf({ status, contentRange, sizeBytes }: JobOutput, range: ByteRange, totalBytes: number): string | null {
  const isWhole = rangeLength(range) === totalBytes;
  const expected = formatContentRange(range, totalBytes);
  if (status === 206 ? contentRange !== expected : !isWhole) {
    return `The server was asked for ${expected} and sent ${contentRange ?? `the whole, with status ${status}`}`;
  }
  return sizeBytes !== null && sizeBytes !== rangeLength(range)
    ? `The server sends ${sizeBytes} bytes for range ${formatRange(range)}`
    : null;
}

async function* exactly(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader();
  let done = 0;
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) {
        break;
      }
      done += value.length;
      if (done > length) {
        throw new Error(`More than the ${length} bytes of the range came`);
      }
      yield value;
      release(value);
    }
    if (done < length) {
      // Where the server announces no length, a break looks like an end.
      const message = `Only ${done} of the ${length} bytes of the range came`;
      throw new GlacierConnectionError(message, { operation: "GetJobOutput", attempts: 1 });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
