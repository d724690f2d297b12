import type { IncomingMessage, ServerResponse } from "node:http";
import { errors } from "@moraine/protocol";
import type { Turn } from "../connections/client-turns.ts";
import { type BodyLimits, startPace } from "../connections/pace.ts";
import { RequestBodyBuffer } from "./request-body-buffer.ts";

/** The client has closed the connection: no response can follow. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}

/**
 * The body's bytes as they come. Sends `100 Continue` when the first is asked for, so that a client that waits for it sends
 * nothing that would be refused anyway. Throws RequestTimeoutException on a stalled body, ClientGoneError on a broken one.
 *
 * Its client may be slow, so the request gives up its turn. A piece is valid only until the next one is asked for.
 */
export async function* requestBody(
  request: IncomingMessage,
  response: ServerResponse,
  { turn, ...limits }: BodyLimits & { readonly turn: Turn },
): AsyncGenerator<Buffer, void, void> {
  turn.release();
  askForBody(request, response);
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

/** Answers a client that waits for `100 Continue` before it sends its body. */
export function askForBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect?.toLowerCase() === "100-continue") {
    response.writeContinue();
  }
}

/** Waits for something to happen to the body, not longer than the limits allow; what it was, the reader sees for itself. */
function waiter(request: IncomingMessage, limits: BodyLimits) {
  let wake: PromiseWithResolvers<void> | null = null;
  const pace = startPace(limits);
  const onEvent = () => wake?.resolve();
  const arrivals = new RequestBodyBuffer(request, (count) => {
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
