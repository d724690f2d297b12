import type { GetJobOutputOutput } from "@moraine/protocol";
import { type Attempt, connectionError, unexpectedAnswer } from "./error-answer.ts";
import { GlacierConnectionError } from "./errors.ts";

/** What GetJobOutput answers. A header that the service did not send is null. */
export interface JobOutput {
  /**
   * The bytes, as they arrive, in order. Read it, cancel it, or leave its loop: until then it holds a connection. It fails
   * with `GlacierConnectionError` when it ends before `sizeBytes`, and with the signal's reason when that aborts.
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Bytes of this answer; null where the service does not say, so that its end cannot be told from a break. */
  readonly sizeBytes: number | null;
  /** 206 for a range, 200 for the whole. */
  readonly status: GetJobOutputOutput["status"];
  /** Tree hash of exactly the bytes of this answer, where the service gives one. Nothing has compared it yet. */
  readonly checksum: string | null;
  /** `bytes {first}-{last}/{total}`, of a range. */
  readonly contentRange: string | null;
  readonly acceptRanges: string | null;
  readonly contentType: string | null;
  readonly archiveDescription: string | null;
}

/** The answer as soon as its head is there; the body follows as it is read. */
export async function readJobOutput(
  answer: Response,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<JobOutput> {
  const { status, headers, body } = answer;
  if ((status !== 200 && status !== 206) || body === null) {
    throw unexpectedAnswer(answer, attempt, `answered ${status}, and not 200 or 206`);
  }
  const sizeBytes = sizeOf(headers);
  return {
    body: counted(body, { sizeBytes, attempt, signal }),
    sizeBytes,
    status,
    checksum: headers.get("x-amz-sha256-tree-hash"),
    contentRange: headers.get("content-range"),
    acceptRanges: headers.get("accept-ranges"),
    contentType: headers.get("content-type"),
    archiveDescription: headers.get("x-amz-archive-description"),
  };
}

/** A compressed answer's length is not that of its bytes. */
function sizeOf(headers: Headers): number | null {
  const length = headers.get("content-length");
  return length !== null && /^[0-9]+$/.test(length) && !headers.has("content-encoding") ? Number(length) : null;
}

interface Expectation {
  readonly sizeBytes: number | null;
  readonly attempt: Attempt;
  readonly signal: AbortSignal | undefined;
}

/** Passes the bytes on, and never ends well with more or fewer than were announced. */
function counted(body: ReadableStream<Bytes>, expectation: Expectation): ReadableStream<Bytes> {
  const reader = body.getReader();
  const count = counter(expectation);
  const source = {
    async pull(controller: ReadableStreamDefaultController<Bytes>) {
      try {
        const { done, value } = await count(reader.read());
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

type Bytes = Uint8Array<ArrayBuffer>;
type Reading = ReturnType<ReadableStreamDefaultReader<Bytes>["read"]>;

/** Fails, as the stream is to fail, when something was read that must not be. */
function counter({ sizeBytes, attempt, signal }: Expectation) {
  let readBytes = 0;
  return async (reading: Reading): Reading => {
    const read = await reading.catch((error: unknown) => {
      signal?.throwIfAborted();
      throw connectionError(attempt, `broke after ${readBytes} of ${sizeBytes ?? "unknown"} bytes`, error);
    });
    readBytes += read.value?.length ?? 0;
    if (sizeBytes !== null && (readBytes > sizeBytes || (read.done && readBytes < sizeBytes))) {
      const message = `${attempt.operation}: ${readBytes} bytes came where ${sizeBytes} were announced`;
      throw new GlacierConnectionError(message, attempt);
    }
    return read;
  };
}
