import { type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { Socket } from "node:net";
import type { OutputRequest } from "../platform.ts";
import { OutputArrivals } from "./output-arrivals.ts";
import { release } from "./release.ts";

const silenceMilliseconds = 300_000;
/** For who reads the body without memory of their own. */
const pieceBytes = 64 * 1024;

/**
 * `fetch` for answers of any size, by `node:http` and its agents. The body is a stream of bytes, read into memory that the
 * reader brings (`getReader({ mode: "byob" })`): memory of its own for each piece costs more than all else about it.
 */
export async function fetchOutput(url: URL, { headers, signal }: OutputRequest): Promise<Response> {
  const answer = await answerTo(url, { headers, signal });
  const { statusCode: status = 0, statusMessage: statusText = "", rawHeaders } = answer;
  const told = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    told.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  if (status === 204 || status === 304) {
    answer.resume();
    return new Response(null, { status, statusText, headers: told });
  }
  return new Response(bodyOf(answer, signal), { status, statusText, headers: told });
}

interface Asked {
  readonly headers: Headers;
  readonly signal: AbortSignal | undefined;
}

async function answerTo(url: URL, asked: Asked): Promise<IncomingMessage> {
  for (;;) {
    asked.signal?.throwIfAborted();
    const sent = send(url, asked);
    try {
      return await answered(sent);
    } catch (error) {
      asked.signal?.throwIfAborted();
      // The server may close a connection that is kept just when the next request goes out on it.
      if (!(sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET")) {
        throw error;
      }
    }
  }
}

function send(url: URL, { headers, signal }: Asked): ClientRequest {
  const request = url.protocol === "https:" ? secureRequest : plainRequest;
  const sent = request(url, {
    headers: { ...Object.fromEntries(headers), "accept-encoding": "identity" },
    timeout: silenceMilliseconds,
    ...(signal !== undefined && { signal }),
  });
  sent.on("timeout", () => sent.destroy(new Error(`Nothing came for ${silenceMilliseconds} ms`)));
  sent.on("socket", (socket) => freePackets(sent, socket));
  return sent.end();
}

/** What the socket gives, the parser has copied by the time that it returns. */
function freePackets(sent: ClientRequest, socket: Socket): void {
  const free = (packet: Buffer) => queueMicrotask(() => release(packet));
  socket.on("data", free);
  sent.once("close", () => socket.off("data", free));
}

function answered(sent: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.on("response", resolve);
  sent.on("error", reject); // Also later, when the answer has told of it already.
  return promise;
}

function bodyOf(answer: IncomingMessage, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  const arrivals = new OutputArrivals(answer);
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: pieceBytes,
    async pull(controller) {
      const { byobRequest: request } = controller;
      try {
        const length = await arrivals.read(request?.view as Uint8Array);
        if (length === 0) {
          controller.close();
        }
        request?.respond(length);
      } catch (error) {
        controller.error(signal?.aborted ? signal.reason : error);
      }
    },
    cancel() {
      answer.destroy();
    },
  });
}
