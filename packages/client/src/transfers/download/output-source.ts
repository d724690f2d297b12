import { type ByteRange, formatContentRange, formatRange, rangeLength } from "@moraine/protocol";
import { GlacierConnectionError } from "../../errors.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import type { JobOutput } from "../../job-output.ts";
import { release } from "../../node/release.ts";
import { retryForOf } from "../../persistent-client.ts";
import type { JobReference, OutputFacts } from "./output-facts.ts";

/** Serves ranges of an output: from one job, or from several in turn. */
export interface OutputSource {
  readonly facts: OutputFacts;
  /** How long a range is retried without progress. */
  readonly retryForMilliseconds: number;
  /** Resolves once there is a job. Called before the first range is fetched, unless none is missing. */
  prepare?(signal: AbortSignal): Promise<void>;
  /** Requests a range. Rejects if the server sends another one. */
  open(range: ByteRange, signal: AbortSignal): Promise<OpenRange>;
}

export interface OpenRange {
  /** The checksum that the service sent, in lower case. It has not been compared. */
  readonly checksum: string | null;
  /**
   * The range's bytes. The loop over them throws if they are more or fewer than the range has; it must run to its end or be left. Each
   * piece is valid until the next one is requested: its memory is then reused.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export function jobSource(client: GlacierClient, job: JobReference, facts: OutputFacts): OutputSource {
  return {
    facts,
    retryForMilliseconds: retryForOf(client),
    async open(range, signal) {
      // The client's timeout applies, which counts from the sending: a request may wait long for its turn while the service throttles.
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

/** Returns the fault of a response; null if it has exactly the range. Some servers ignore ranges, or send others. */
function faultOf({ status, contentRange, sizeBytes }: JobOutput, range: ByteRange, totalBytes: number): string | null {
  const isWhole = rangeLength(range) === totalBytes;
  const expected = formatContentRange(range, totalBytes);
  if (status === 206 ? contentRange !== expected : !isWhole) {
    return `The server sent ${contentRange ?? `the entire output, with status ${status}`}, expected ${expected}`;
  }
  return sizeBytes !== null && sizeBytes !== rangeLength(range)
    ? `The server announced ${sizeBytes} bytes for range ${formatRange(range)}`
    : null;
}

/**
 * Passes on exactly `length` bytes. The client counts them too, but only if the server announces a length. Also, more bytes than requested
 * are a wrong response here, of which few are accepted, and not a lost connection.
 */
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
        throw new Error(`Received more than the ${length} bytes of the range`);
      }
      yield value;
      release(value);
    }
    if (done < length) {
      // If the server announces no length, a broken connection looks like an end.
      const message = `Received ${done} bytes of the range, expected ${length}`;
      throw new GlacierConnectionError(message, { operation: "GetJobOutput", attempts: 1 });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
