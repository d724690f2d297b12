import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { hasCode } from "../error-code.ts";
import type { HttpRequest, HttpResponse } from "../http/http.ts";
import { type Agents, createAgents } from "./agents.ts";
import { http, https } from "./built-in.ts";
import { release } from "./release.ts";
import { ResponseBuffer } from "./response-buffer.ts";
import { sendPieces } from "./send-pieces.ts";

const connectMillisecondsMax = 10_000;
/** Interim responses, such as 100 Continue, before the final one. */
const interimMax = 100;
let sharedAgents: Agents | undefined;

/** Sends a request by `node:http`. The reader of a body may `release` each piece that it no longer needs. */
export async function nodeHttp(url: URL, request: HttpRequest, agents = defaultAgents()): Promise<HttpResponse> {
  const { signal, timeoutMilliseconds } = request;
  for (;;) {
    signal?.throwIfAborted();
    const sent = send(url, request, agents);
    try {
      return responseOf(await responseTo(sent, timeoutMilliseconds), request);
    } catch (error) {
      signal?.throwIfAborted();
      // The server may close an idle connection at the moment when the next request is sent on it.
      const isStale = sent.reusedSocket && hasCode(error, "ECONNRESET");
      if (!(isStale && request.method === "GET")) {
        throw error;
      }
    }
  }
}

function send(url: URL, request: HttpRequest, { httpAgent, httpsAgent }: Agents): ClientRequest {
  const { method, headers, body, signal, timeoutMilliseconds } = request;
  const isSecure = url.protocol === "https:";
  const sent = (isSecure ? https : http).request(url, {
    agent: isSecure ? httpsAgent : httpAgent,
    method,
    headers: { ...headers },
    timeout: Math.min(timeoutMilliseconds, connectMillisecondsMax),
    ...(signal !== undefined && { signal }),
  });
  sent.setTimeout(timeoutMilliseconds); // Applies once it is connected.
  let response: IncomingMessage | undefined;
  sent.once("response", (message: IncomingMessage) => {
    response = message;
  });
  sent.on("timeout", () => (response ?? sent).destroy(silence(sent, timeoutMilliseconds)));
  if (isSecure) {
    sent.on("socket", (socket) => freePackets(sent, socket));
  }
  if (body === null || body instanceof Uint8Array) {
    sent.end(body ?? undefined);
  } else {
    void sendPieces(sent, body, { sizeBytes: Number(headers["content-length"]), timeoutMilliseconds });
  }
  return sent;
}

function silence({ socket }: ClientRequest, milliseconds: number): Error {
  const connectMilliseconds = Math.min(milliseconds, connectMillisecondsMax);
  return socket?.connecting
    ? Object.assign(new Error(`No connection within ${connectMilliseconds} ms`), { code: "ERR_CONNECT_TIMEOUT" })
    : new Error(`No bytes received for ${milliseconds} ms`);
}

/** Returns the agents that all clients share that trust Node's own certificates. */
export function defaultAgents(environment?: NodeJS.ProcessEnv): Agents {
  sharedAgents ??= createAgents(environment);
  return sharedAgents;
}

/** Frees the socket's packets. The parser has copied each by the time that it returns. */
function freePackets(sent: ClientRequest, socket: Socket): void {
  const free = (packet: Buffer) => queueMicrotask(() => release(packet));
  socket.on("data", free);
  sent.once("close", () => socket.off("data", free));
}

/** Resolves once the response's headers have arrived, all of which must arrive in time. */
function responseTo(sent: ClientRequest, timeoutMilliseconds: number): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  let timer: NodeJS.Timeout | undefined;
  let interim = 0;
  const late = () => sent.destroy(new Error(`No response within ${timeoutMilliseconds} ms`));
  sent.once("finish", () => {
    timer = setTimeout(late, timeoutMilliseconds);
  });
  sent.on("information", () => {
    interim += 1;
    if (interim > interimMax) {
      sent.destroy(new Error(`Received more than ${interimMax} interim responses`));
    }
  });
  sent.on("response", resolve);
  sent.on("error", reject); // Stays after the response, whose own error event has reported the same.
  const stop = () => clearTimeout(timer);
  promise.then(stop, stop);
  return promise;
}

function responseOf(message: IncomingMessage, { signal, timeoutMilliseconds }: HttpRequest): HttpResponse {
  const { statusCode: status = 0, statusMessage: statusText = "", headers } = message;
  return {
    status,
    statusText,
    header: (name) => joined(headers[name.toLowerCase()]),
    body: new ResponseBuffer(message, signal, timeoutMilliseconds),
  };
}

function joined(value: string | string[] | undefined): string | null {
  return Array.isArray(value) ? value.join(", ") : (value ?? null);
}
