import type { IncomingMessage, ServerResponse } from "node:http";
import type { OutgoingBytes } from "../../operations/context.ts";
import { ClientGoneError } from "../body/request-body.ts";
import type { Reply } from "./encode.ts";

/** Bounds on clients that read slowly, or that still send what nobody will read. */
export interface ReplyLimits {
  /** For a piece of 256 KiB to be taken by the client. */
  readonly sendStallSeconds: number;
  readonly drainBytesMax: number;
  readonly drainSecondsMax: number;
}

const pieceSizeBytes = 256 * 1024;

/**
 * Sends a reply. The first bytes of a body are made before the status goes out, so that a failure there is still an error
 * response. A later failure destroys the connection, and so does a body that is shorter or longer than announced: a short body
 * must never look complete, nor the next response look like a part of it.
 *
 * @param onHead called when the status is about to be sent.
 */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Reply,
  limits: ReplyLimits,
  onHead: (status: number) => void = () => undefined,
): Promise<void> {
  // Node then counts what is written, of every kind of body, and throws when it is not as much as Content-Length says.
  response.strictContentLength = true;
  try {
    if (body !== null && typeof body !== "string") {
      await respondWithBytes(response, { status, headers, body }, limits, onHead);
    } else if (request.readableEnded || request.complete) {
      onHead(status);
      endUnlessGone(response.writeHead(status, { ...headers }), body ?? "", limits);
    } else {
      onHead(status);
      await respondEarly(request, response, { status, headers, body }, limits);
    }
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
    }
    throw error;
  }
}

async function respondWithBytes(
  response: ServerResponse,
  { status, headers, body }: Reply & { readonly body: OutgoingBytes },
  limits: ReplyLimits,
  onHead: (status: number) => void,
): Promise<void> {
  const first = await body.stream.next();
  try {
    onHead(status);
    response.writeHead(status, { ...headers });
    await sendBytes(response, body, first, limits);
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    // Only now: until the connection has let go of a piece, its memory must not be used again.
    await body.stream.return();
  }
}

async function sendBytes(
  response: ServerResponse,
  { stream }: OutgoingBytes,
  first: IteratorResult<Uint8Array, void>,
  limits: ReplyLimits,
): Promise<void> {
  const write = writer(response, limits);
  try {
    for (let step = first; step.done !== true; step = await stream.next()) {
      for (let start = 0; start < step.value.length; start += pieceSizeBytes) {
        await write.bytes(step.value.subarray(start, start + pieceSizeBytes));
      }
    }
  } finally {
    write.stop();
  }
}

/** Writes one piece at a time, and gives up when the client goes away or takes nothing for too long. */
function writer(response: ServerResponse, { sendStallSeconds }: ReplyLimits) {
  let current = Promise.withResolvers<void>();
  const giveUp = () => current.reject(new ClientGoneError("The client went away within the answer, or takes nothing"));
  const stalled = setTimeout(giveUp, sendStallSeconds * 1000);
  response.once("close", giveUp);
  return {
    /** Resolves when the bytes have left, so that their memory may be used again. */
    bytes(bytes: Uint8Array): Promise<void> {
      current = Promise.withResolvers();
      if (response.closed) {
        giveUp();
      }
      stalled.refresh();
      response.write(bytes, (error) => (error ? giveUp() : current.resolve()));
      return current.promise;
    },
    stop(): void {
      clearTimeout(stalled);
      response.off("close", giveUp);
      current.promise.catch(() => undefined);
    },
  };
}

/**
 * Answers while the client may still be sending. Closing at once would reset the connection, and the client would see a
 * network failure in place of the response: so the rest is read and thrown away, within bounds, and only then it closes.
 */
async function respondEarly(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Reply,
  limits: ReplyLimits,
): Promise<void> {
  response.writeHead(status, { ...headers, Connection: "close" });
  response.flushHeaders();
  if (typeof body === "string") {
    response.write(body);
  }
  await drain(request, limits);
  endUnlessGone(response, "", limits);
}

/** To a client that has gone nothing can be written, so the body would seem too short. */
function endUnlessGone(response: ServerResponse, rest: string, { sendStallSeconds }: ReplyLimits): void {
  if (response.destroyed) {
    return;
  }
  response.end(rest);
  if (response.writableLength > 0) {
    // A client that takes nothing would keep its place among the busy connections.
    response.setTimeout(sendStallSeconds * 1000, () => response.destroy());
  }
}

function drain(request: IncomingMessage, { drainBytesMax, drainSecondsMax }: ReplyLimits): Promise<void> {
  return new Promise((resolve) => {
    let seenBytes = 0;
    const timer = setTimeout(resolve, drainSecondsMax * 1000);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    request.resume().on("data", (piece: Buffer) => {
      seenBytes += piece.length;
      if (seenBytes > drainBytesMax) {
        done();
      }
    });
    request.once("end", done).once("close", done).once("error", done);
    if (request.destroyed) {
      done();
    }
  });
}
