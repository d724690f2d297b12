import type { IncomingMessage, ServerResponse } from "node:http";
import { errors } from "@moraine/protocol";

/** Bounds on bodies that come slowly. The listener has none of its own: a 4 GiB part on a slow line is honest. */
export interface BodyLimits {
  /** Without a single byte for this long, the request ends with 408. */
  readonly stallSeconds: number;
  /** The least average rate, judged once `stallSeconds` have passed. */
  readonly bytesPerSecondMin: number;
  readonly durationSecondsMax: number;
}

/** The client has closed the connection: there is nobody to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}

/**
 * The body's bytes as they come. Sends `100 Continue` when the first is asked for, so that a client that waits for it sends
 * nothing that would be refused anyway. Throws RequestTimeoutException on a stalled body, ClientGoneError on a broken one.
 */
export async function* requestBody(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits,
): AsyncGenerator<Buffer, void, void> {
  if (request.headers.expect?.toLowerCase() === "100-continue") {
    response.writeContinue();
  }
  const wait = waiter(request, limits);
  try {
    for (;;) {
      const piece: Buffer | null = request.read();
      if (piece !== null) {
        wait.progress(piece.length);
        yield piece;
      } else if (request.readableEnded) {
        return;
      } else {
        await wait.next();
      }
    }
  } finally {
    wait.stop();
  }
}

/** Waits for more of the body, not longer than the limits allow. */
function waiter(request: IncomingMessage, limits: BodyLimits) {
  let wake = Promise.withResolvers<void>();
  wake.promise.catch(() => undefined); // A failure between two waits is met by the next one.
  const pace = startPace(limits);
  const onReadable = () => wake.resolve();
  const onClose = () => wake.reject(new ClientGoneError("The client closed the connection within the body"));
  const timer = setInterval(() => {
    if (pace.isTooSlow()) {
      wake.reject(errors.requestTimeout());
    }
  }, 1000);
  request.on("readable", onReadable).on("end", onReadable).on("error", onClose).on("close", onClose);
  if (request.destroyed && !request.readableEnded) {
    onClose();
  }
  return {
    progress: pace.progress,
    async next(): Promise<void> {
      await wake.promise;
      wake = Promise.withResolvers();
      wake.promise.catch(() => undefined);
    },
    stop(): void {
      clearInterval(timer);
      request.off("readable", onReadable).off("end", onReadable).off("close", onClose);
      // The listener for errors stays: a connection that breaks later must not bring the process down.
    },
  };
}

function startPace(limits: BodyLimits) {
  const start = performance.now();
  let last = start;
  let bytes = 0;
  return {
    progress(count: number): void {
      last = performance.now();
      bytes += count;
    },
    isTooSlow(): boolean {
      const now = performance.now();
      const seconds = (now - start) / 1000;
      return (
        now - last > limits.stallSeconds * 1000 ||
        (seconds > limits.stallSeconds && bytes / seconds < limits.bytesPerSecondMin) ||
        seconds > limits.durationSecondsMax
      );
    },
  };
}

/** Collects a short body; throws BadRequest when it is longer than `sizeBytesMax`. */
export async function collectBody(body: AsyncIterable<Buffer>, sizeBytesMax: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.length;
    if (sizeBytes > sizeBytesMax) {
      throw errors.badRequest(`The body of this request must not be longer than ${sizeBytesMax} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
