import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../support/random.ts";

/** Faults of a network and of services. Only those are made that a client can notice: no JSON is changed, which carries no hash. */
const faults = [
  "reset",
  "swallowed",
  "request broken",
  "response broken",
  "stalled",
  "stalled midway",
  "throttled",
  "unavailable",
  "bad gateway",
  "redirected",
  "request flipped",
  "response flipped",
  "hash changed",
  "range changed",
  "truncated",
] as const;
export type Fault = (typeof faults)[number];

/** Places in a body where it is harmed; null is nowhere. */
interface Harm {
  readonly breakAtByte: number | null;
  readonly endBytes: number | null;
  readonly flippedByte: number | null;
  readonly pauseAtByte: number | null;
}

export interface HostileProxyOptions {
  readonly random: Random;
  /** Share of requests that get a fault. */
  readonly faultShare: number;
  /** The bandwidth of all connections together. */
  readonly bytesPerSecond: number;
}

/** Stands between client and server, passes on most requests as they are, and harms the others. */
export class HostileProxy implements AsyncDisposable {
  /** Where the server listens. */
  upstream: string;
  /** Set to harm nothing. */
  isCalm = false;
  readonly counts: Partial<Record<Fault, number>> = {};
  bodyBytes = 0;
  readonly #options: HostileProxyOptions;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: false });
  #freeAt = 0;

  private constructor(upstream: string, options: HostileProxyOptions) {
    this.upstream = upstream;
    this.#options = options;
    this.#server = createServer((incoming, response) => {
      this.#pass(incoming, response).catch(() => response.destroy());
    });
  }

  static async start(upstream: string, options: HostileProxyOptions): Promise<HostileProxy> {
    const proxy = new HostileProxy(upstream, options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #pick(incoming: IncomingMessage): Fault | null {
    const { random, faultShare } = this.#options;
    // The same numbers are drawn whatever the mood, so that a seed makes about the same faults.
    const isHarmed = random.fraction() < faultShare;
    const fault = random.oneOf(faults) ?? null;
    if (this.isCalm || !isHarmed || fault === null || !canBeHarmed(fault, incoming)) {
      return null;
    }
    this.counts[fault] = (this.counts[fault] ?? 0) + 1;
    return fault;
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#pick(incoming);
    if (fault === "reset" || fault === "stalled") {
      await sleep(fault === "reset" ? 0 : this.#stallMilliseconds());
      incoming.socket.destroy();
      return;
    }
    const refusal = fault === null ? undefined : refusals[fault];
    if (refusal !== undefined) {
      incoming.resume();
      response.writeHead(refusal.status, refusal.headers).end(refusal.body);
      return;
    }
    const came = await this.#forward(incoming, response, fault);
    if (fault === "swallowed") {
      await pipeline(came, devNull());
      response.destroy();
      return;
    }
    response.writeHead(came.statusCode ?? 502, changedHeaders(came.headers, fault));
    await this.#pump(came, response, this.#harmOf(fault, "response", Number(came.headers["content-length"] ?? 0)));
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse, fault: Fault | null): Promise<IncomingMessage> {
    const { hostname: host, port } = new URL(this.upstream);
    const { method, url: path, headers } = incoming;
    const outgoing = request({ agent: this.#agent, host, port, method, path, headers });
    response.on("close", () => outgoing.destroy());
    const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
    const harm = this.#harmOf(fault, "request", Number(headers["content-length"] ?? 0));
    // A server may respond before it has read the body; a line that breaks ends both.
    this.#pump(incoming, outgoing, harm).catch(() => outgoing.destroy());
    const [came] = await answered;
    return came;
  }

  #harmOf(fault: Fault | null, body: "request" | "response", lengthBytes: number): Harm {
    const place = this.#options.random.whole(0, Math.max(0, lengthBytes - 1));
    return {
      breakAtByte: fault === `${body} broken` ? place : null,
      endBytes: fault === "truncated" && body === "response" ? Math.floor(lengthBytes / 2) : null,
      flippedByte: fault === `${body} flipped` ? place : null,
      pauseAtByte: fault === "stalled midway" && body === "response" ? place : null,
    };
  }

  /** Passes a body on at the pace of the line, and harms it on its way. */
  #pump(from: IncomingMessage, to: Writable, harm: Harm): Promise<void> {
    return pipeline(from, (chunks: AsyncIterable<Buffer>) => this.#harmed(chunks, harm), to);
  }

  async *#harmed(chunks: AsyncIterable<Buffer>, harm: Harm): AsyncGenerator<Buffer> {
    const { breakAtByte, endBytes, flippedByte, pauseAtByte } = harm;
    let position = 0;
    for await (const chunk of chunks) {
      await this.#pace(chunk.length);
      this.bodyBytes += chunk.length;
      const isHere = (place: number | null) => place !== null && place >= position && place < position + chunk.length;
      if (isHere(pauseAtByte)) {
        await sleep(this.#stallMilliseconds());
      }
      if (isHere(breakAtByte)) {
        throw new Error("The line is broken");
      }
      yield isHere(flippedByte)
        ? flipped(chunk, Number(flippedByte) - position)
        : chunk.subarray(0, (endBytes ?? Number.MAX_SAFE_INTEGER) - position);
      position += chunk.length;
      if (endBytes !== null && position >= endBytes) {
        return;
      }
    }
  }

  #stallMilliseconds(): number {
    return this.#options.random.whole(2000, 8000);
  }

  async #pace(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes / this.#options.bytesPerSecond) * 1000;
    if (this.#freeAt - now > 5) {
      await sleep(this.#freeAt - now);
    }
  }
}

function canBeHarmed(fault: Fault, { method, url = "", headers }: IncomingMessage): boolean {
  const isOutput = method === "GET" && url.endsWith("/output");
  switch (fault) {
    case "response flipped":
    case "hash changed":
    case "range changed":
    case "truncated":
      return isOutput;
    case "request broken":
    case "request flipped":
      return Number(headers["content-length"] ?? 0) > 0;
    default:
      return true;
  }
}

function flipped(chunk: Buffer, place: number): Buffer {
  const copy = Buffer.from(chunk);
  copy.writeUInt8(copy.readUInt8(place) ^ 1, place);
  return copy;
}

const devNull = () => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Headers of the response; what is truncated says that it is complete. */
function changedHeaders(headers: IncomingHttpHeaders, fault: Fault | null): IncomingHttpHeaders {
  const { connection: _, ...kept } = headers;
  const lengthBytes = Number(headers["content-length"] ?? 0);
  if (fault === "truncated") {
    return { ...kept, "content-length": String(Math.floor(lengthBytes / 2)) };
  }
  if (fault === "hash changed" && kept["x-amz-sha256-tree-hash"] !== undefined) {
    return { ...kept, "x-amz-sha256-tree-hash": "0".repeat(64) };
  }
  if (fault === "range changed" && kept["content-range"] !== undefined) {
    return { ...kept, "content-range": kept["content-range"].replace(/^bytes ([0-9]+)/, "bytes 1$1") };
  }
  return kept;
}

interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const json = (code: string, message: string) => JSON.stringify({ code, message, type: "Server" });
const asJson = { "content-type": "application/json" };

const refusals: Partial<Record<Fault, Refusal>> = {
  throttled: { status: 400, headers: asJson, body: json("ThrottlingException", "Rate exceeded") },
  unavailable: {
    status: 503,
    headers: { ...asJson, "retry-after": "1" },
    body: json("ServiceUnavailableException", "The service is unavailable"),
  },
  "bad gateway": {
    status: 502,
    headers: { "content-type": "text/html" },
    body: "<html><body>Bad Gateway</body></html>",
  },
  redirected: { status: 307, headers: { location: "http://127.0.0.1:9/elsewhere" }, body: "" },
};
