import type { GetJobOutputOutput } from "@moraine/protocol";
import { GlacierConnectionError } from "./errors.ts";
import { type Attempt, connectionError, unexpectedResponse } from "./http/error-response.ts";
import type { HttpResponse, HttpResponseBody } from "./http/http.ts";

/** The response of GetJobOutput. A header that the service did not send is null. */
export interface JobOutput {
  /**
   * The bytes, in order, as they arrive. The stream holds a connection until it is read to its end or cancelled, or until a loop over it is
   * left. It fails with `GlacierConnectionError` when it ends before `sizeBytes`, and with the signal's reason when that aborts.
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Size of the body. Null if the service does not announce it: then a broken connection looks like the end. */
  readonly sizeBytes: number | null;
  /** 206 for a range, 200 for the entire output. */
  readonly status: GetJobOutputOutput["status"];
  /** Tree hash of exactly the bytes of this response, if the service sends one. It has not been compared with them. */
  readonly checksum: string | null;
  /** `bytes {first}-{last}/{total}` for a range. */
  readonly contentRange: string | null;
  readonly acceptRanges: string | null;
  readonly contentType: string | null;
  readonly archiveDescription: string | null;
}

/** Resolves to the response as soon as its headers have arrived. The body is received as it is read. */
export async function readJobOutput(
  response: HttpResponse,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<JobOutput> {
  const { status } = response;
  if (status !== 200 && status !== 206) {
    throw unexpectedResponse(response, attempt, `responded with ${status}, expected 200 or 206`);
  }
  const sizeBytes = sizeOf(response);
  return {
    body: counted(response.body, { sizeBytes, attempt, signal }),
    sizeBytes,
    status,
    checksum: response.header("x-amz-sha256-tree-hash"),
    contentRange: response.header("content-range"),
    acceptRanges: response.header("accept-ranges"),
    contentType: response.header("content-type"),
    archiveDescription: response.header("x-amz-archive-description"),
  };
}

/** Returns the announced size. A compressed response announces another length than that of its bytes. */
function sizeOf(response: HttpResponse): number | null {
  const length = response.header("content-length");
  const isOfBytes = response.header("content-encoding") === null;
  return length !== null && /^[0-9]+$/.test(length) && isOfBytes ? Number(length) : null;
}

interface Expectation {
  readonly sizeBytes: number | null;
  readonly attempt: Attempt;
  readonly signal: AbortSignal | undefined;
}

/** Passes the bytes on. Fails if they are more or fewer than announced. */
function counted(body: HttpResponseBody, expectation: Expectation): ReadableStream<Uint8Array<ArrayBuffer>> {
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

/** Reads the next piece. Throws the error with which the stream is to fail. */
function counter(body: HttpResponseBody, { sizeBytes, attempt, signal }: Expectation): HttpResponseBody["next"] {
  let readBytes = 0;
  return async () => {
    const piece = await body.next().catch((error: unknown) => {
      signal?.throwIfAborted();
      throw connectionError(attempt, `broke after ${readBytes} of ${sizeBytes ?? "unknown"} bytes`, error);
    });
    readBytes += piece?.length ?? 0;
    if (sizeBytes !== null && (readBytes > sizeBytes || (piece === null && readBytes < sizeBytes))) {
      const message = `${attempt.operation}: received ${readBytes} bytes, expected ${sizeBytes}`;
      throw new GlacierConnectionError(message, attempt);
    }
    return piece;
  };
}
