import type { IncomingMessage, ServerResponse } from "node:http";
import { errors } from "@moraine/protocol";
import { BodyArrivals } from "./body-arrivals.ts";

/** Bounds on bodies that come slowly. The listener has none of its own: a 4 GiB part on a slow line is honest. */
export interface BodyLimits {
  /** Without a single byte for this long, the request ends with 408. */
  readonly stallSeconds: number;
  /** The least average rate over the time that the client was waited for, judged once that exceeds `stallSeconds`. */
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
 *
 * A piece is valid only until the next one is asked for.
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
      const piece = wait.arrivals.take();
      if (piece !== null) {
        yield piece;
      } else if (request.readableEnded) {
        return;
      } else if (request.destroyed) {
        throw new ClientGoneError("The client closed the connection within the body");
      } else {
        await wait.forMore();
      }
    }
  } finally {
    wait.stop();
  }
}

/** Waits for something to happen to the body, not longer than the limits allow; what it was, the reader sees for itself. */
function waiter(request: IncomingMessage, limits: BodyLimits) {
  let wake: PromiseWithResolvers<void> | null = null;
  const pace = startPace(limits);
  const onEvent = () => wake?.resolve();
  const arrivals = new BodyArrivals(request, (count) => {
    pace.received(count);
    if (arrivals.isReady) {
      onEvent();
    }
  });
  const timer = setInterval(() => {
    if (pace.isTooSlow()) {
      wake?.reject(errors.requestTimeout());
    }
  }, 1000);
  request.on("end", onEvent).on("error", onEvent).on("close", onEvent);
  return {
    arrivals,
    async forMore(): Promise<void> {
      wake = Promise.withResolvers();
      pace.waitBegins();
      try {
        await wake.promise;
      } finally {
        wake = null;
        pace.waitEnds();
      }
    },
    stop(): void {
      clearInterval(timer);
      arrivals.stop();
      request.off("end", onEvent).off("close", onEvent);
      // The listener for errors stays: a connection that breaks later must not bring the process down.
    },
  };
}

/** A client is slow only while it is waited for: when it is we who are busy, its bytes lie ready and do not count as late. */
function startPace(limits: BodyLimits) {
  const start = performance.now();
  let waitedMilliseconds = 0;
  let waitingSince: number | null = null;
  let bytes = 0;
  return {
    /** Ends one wait, and begins the next, if there was one. */
    received(count: number): void {
      bytes += count;
      if (waitingSince !== null) {
        this.waitEnds();
        this.waitBegins();
      }
    },
    waitBegins(): void {
      waitingSince = performance.now();
    },
    waitEnds(): void {
      waitedMilliseconds += performance.now() - (waitingSince ?? performance.now());
      waitingSince = null;
    },
    isTooSlow(): boolean {
      const now = performance.now();
      const waiting = now - (waitingSince ?? now);
      const waitedSeconds = (waitedMilliseconds + waiting) / 1000;
      return (
        waiting > limits.stallSeconds * 1000 ||
        (waitedSeconds > limits.stallSeconds && bytes / waitedSeconds < limits.bytesPerSecondMin) ||
        now - start > limits.durationSecondsMax * 1000
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
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}
