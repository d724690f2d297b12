import {
  type Agent,
  type AgentOptions,
  type ClientRequest,
  globalAgent,
  type IncomingMessage,
  request as plainRequest,
} from "node:http";
import { request as secureRequest } from "node:https";
import type { Socket } from "node:net";
import type { OutputRequest } from "../platform.ts";
import { OutputArrivals } from "./output-arrivals.ts";
import { keepFreedMemory, release } from "./release.ts";
import { WideAgent } from "./wide-agent.ts";

const silenceMilliseconds = 300_000;
let wideAgent: WideAgent | undefined;

/**
 * `fetch` for answers of any size, by `node:http`. The body's pieces are the reader's own, who may `release` each as soon as
 * it is done with.
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
  const isSecure = url.protocol === "https:";
  const request = isSecure ? secureRequest : plainRequest;
  const sent = request(url, {
    ...(!isSecure && { agent: plainAgent() }),
    headers: { ...Object.fromEntries(headers), "accept-encoding": "identity" },
    timeout: silenceMilliseconds,
    ...(signal !== undefined && { signal }),
  });
  sent.on("timeout", () => sent.destroy(new Error(`Nothing came for ${silenceMilliseconds} ms`)));
  if (isSecure) {
    sent.on("socket", (socket) => freePackets(sent, socket));
  }
  return sent.end();
}

function plainAgent(): WideAgent {
  if (wideAgent === undefined) {
    keepFreedMemory();
    // As Node's own, which knows whether there are proxies.
    wideAgent = new WideAgent((globalAgent as Agent & { readonly options?: AgentOptions }).options);
  }
  return wideAgent;
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

function bodyOf(answer: IncomingMessage, signal: AbortSignal | undefined): ReadableStream<Uint8Array<ArrayBuffer>> {
  const arrivals = new OutputArrivals(answer);
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) {
      try {
        const piece = await arrivals.next();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      } catch (error) {
        controller.error(signal?.aborted ? signal.reason : error);
      }
    },
    cancel() {
      answer.destroy();
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
