import type { GetJobOutputOutput } from "@moraine/protocol";
import { GlacierConnectionError } from "./errors.ts";
import { type Attempt, connectionError, unexpectedAnswer } from "./http/error-answer.ts";
import type { Answer, AnswerBody } from "./http/http.ts";

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
  answer: Answer,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<JobOutput> {
  const { status } = answer;
  if (status !== 200 && status !== 206) {
    throw unexpectedAnswer(answer, attempt, `answered ${status}, and not 200 or 206`);
  }
  const sizeBytes = sizeOf(answer);
  return {
    body: counted(answer.body, { sizeBytes, attempt, signal }),
    sizeBytes,
    status,
    checksum: answer.header("x-amz-sha256-tree-hash"),
    contentRange: answer.header("content-range"),
    acceptRanges: answer.header("accept-ranges"),
    contentType: answer.header("content-type"),
    archiveDescription: answer.header("x-amz-archive-description"),
  };
}

/** A compressed answer's length is not that of its bytes. */
function sizeOf(answer: Answer): number | null {
  const length = answer.header("content-length");
  const isOfBytes = answer.header("content-encoding") === null;
  return length !== null && /^[0-9]+$/.test(length) && isOfBytes ? Number(length) : null;
}

interface Expectation {
  readonly sizeBytes: number | null;
  readonly attempt: Attempt;
  readonly signal: AbortSignal | undefined;
}

/** Passes the bytes on, and never ends well with more or fewer than were announced. */
function counted(body: AnswerBody, expectation: Expectation): ReadableStream<Uint8Array<ArrayBuffer>> {
  const next = counter(body, expectation);
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) {
      try {
        const piece = await next();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      } catch (error) {
        await body.cancel().catch(() => undefined);
        controller.error(error);
      }
    },
    cancel: () => body.cancel(),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** Fails, as the stream is to fail, when something was read that must not be. */
function counter(body: AnswerBody, { sizeBytes, attempt, signal }: Expectation): AnswerBody["next"] {
  let readBytes = 0;
  return async () => {
    const piece = await body.next().catch((error: unknown) => {
      signal?.throwIfAborted();
      throw connectionError(attempt, `broke after ${readBytes} of ${sizeBytes ?? "unknown"} bytes`, error);
    });
    readBytes += piece?.length ?? 0;
    if (sizeBytes !== null && (readBytes > sizeBytes || (piece === null && readBytes < sizeBytes))) {
      const message = `${attempt.operation}: ${readBytes} bytes came where ${sizeBytes} were announced`;
      throw new GlacierConnectionError(message, attempt);
    }
    return piece;
  };
}
