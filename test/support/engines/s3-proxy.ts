import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// Stands before an S3 store and fails, as networks, balancers and poor stores do.

export interface S3Request {
  readonly method: string;
  /** Below the bucket's name. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly range: string | null;
  /** Whether its body was sent with its MD5. */
  readonly hasMd5: boolean;
}

interface Came {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** The fault of one request; none of them passes it on as it is. */
export interface S3Fault {
  /** The status of a response in the store's place, which hears nothing. */
  readonly refuse?: number;
  /** @default SlowDown */
  readonly code?: string;
  /** The connection is reset before the store hears of the request, or after it has done what it was asked for. */
  readonly reset?: "before" | "after";
  /** The store hears of it this much later; the client's connection is reset at once. */
  readonly lateMilliseconds?: number;
  /** The client learns of success, and the store hears nothing. */
  readonly isFalseSuccess?: boolean;
  /** The client gets status 200 with this error in the body, and the store hears nothing. */
  readonly errorInside?: string;
  /** Put in the place of the store's. */
  readonly etag?: string;
  /** The time of the response, in the place of the store's. */
  readonly date?: string;
  /** One bit of this byte of the body is flipped, on the way to the store or back. */
  readonly flipSent?: number;
  readonly flipReceived?: number;
  /** The connection is reset after this many bytes of the response. */
  readonly cutAfter?: number;
  /** Objects of a list were changed this much earlier than the store says. */
  readonly agedMilliseconds?: number;
  /** The response has these bytes alone, and ends as if they were all. */
  readonly shortenTo?: number;
}

export class S3Proxy implements AsyncDisposable {
  readonly requests: S3Request[] = [];
  /** Asked for each request. */
  fault: (request: S3Request) => S3Fault | undefined = () => undefined;
  /** Whether every connection is reset. */
  isDown = false;
  readonly #late = new Set<Promise<unknown>>();
  readonly #upstream: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream);
    this.#server = createServer((incoming, answer) => {
      this.#pass(incoming, answer).catch(() => answer.destroy());
    });
  }

  static async start(upstream: string): Promise<S3Proxy> {
    const proxy = new S3Proxy(upstream);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when every request has landed that was to land late. */
  async landed(): Promise<void> {
    await Promise.all(this.#late);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.landed();
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (this.isDown) {
      answer.destroy();
      return;
    }
    const asked = requestOf(incoming);
    this.requests.push(asked);
    const fault = this.fault(asked) ?? {};
    const body = await bytesOf(incoming);
    const { refuse, errorInside } = fault;
    if (refuse !== undefined) {
      answer.writeHead(refuse, { "content-type": "application/xml" }).end(errorXml(fault.code ?? "SlowDown"));
    } else if (fault.isFalseSuccess) {
      answer.writeHead(200).end();
    } else if (errorInside !== undefined) {
      answer.writeHead(200, { "content-type": "application/xml" }).end(errorXml(errorInside));
    } else if (fault.reset === "before" || fault.lateMilliseconds !== undefined) {
      answer.destroy();
      this.#landLate(incoming, body, fault);
    } else {
      this.#answer(await this.#forward(incoming, flipped(body, fault.flipSent)), answer, fault);
    }
  }

  #landLate(incoming: IncomingMessage, body: Buffer, { lateMilliseconds }: S3Fault): void {
    if (lateMilliseconds !== undefined) {
      const landing = sleep(lateMilliseconds).then(() => this.#forward(incoming, body));
      this.#late.add(landing.catch(() => undefined));
    }
  }

  async #forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Came> {
    const { hostname: host, port } = this.#upstream;
    const { expect: _, ...passed } = headers;
    const outgoing = request({ agent: this.#agent, host, port, method, path: url, headers: passed });
    // The store may close its side before it has read all of the body.
    outgoing.on("error", () => undefined);
    outgoing.end(body);
    const [came] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: came.statusCode ?? 0, headers: came.headers, body: await bytesOf(came) };
  }

  #answer(came: Came, answer: ServerResponse, fault: S3Fault): void {
    const { reset, cutAfter, shortenTo } = fault;
    const body = aged(flipped(came.body, fault.flipReceived), fault.agedMilliseconds);
    if (reset !== undefined) {
      answer.destroy();
    } else if (shortenTo !== undefined) {
      const { "content-length": _, ...headers } = came.headers;
      answer.writeHead(came.status, { ...headers, connection: "close" }).end(body.subarray(0, shortenTo));
    } else {
      const { etag = came.headers.etag, date = came.headers.date } = fault;
      answer.writeHead(came.status, { ...came.headers, ...(etag !== undefined && { etag }), ...(date && { date }) });
      if (cutAfter !== undefined && cutAfter < body.length) {
        answer.write(body.subarray(0, cutAfter), () => answer.destroy());
      } else {
        answer.end(body);
      }
    }
  }
}

export function requestOf({ method = "", url = "", headers }: IncomingMessage): S3Request {
  const { pathname, searchParams } = new URL(url, "http://s3");
  const key = decodeURIComponent(pathname).split("/").slice(2).join("/");
  const hasMd5 = headers["content-md5"] !== undefined;
  return { method, key, query: searchParams, range: headers.range ?? null, hasMd5 };
}

export async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A copy with one bit changed, if it has that byte. */
function flipped(bytes: Buffer, position = -1): Buffer {
  const copy = Buffer.from(bytes);
  if (position >= 0 && position < copy.length) {
    copy[position] = (copy[position] ?? 0) ^ 1;
  }
  return copy;
}

export function aged(list: Buffer, milliseconds = 0): Buffer {
  if (milliseconds === 0) {
    return list;
  }
  const earlier = (_: string, time: string) =>
    `<LastModified>${new Date(Date.parse(time) - milliseconds).toISOString()}</LastModified>`;
  return Buffer.from(list.toString().replaceAll(/<LastModified>([^<]+)<\/LastModified>/g, earlier));
}

export const errorXml = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>of the proxy</Message></Error>`;

/** One of each kind: a store in trouble. */
export const faultsOfStorm: readonly S3Fault[] = [
  { refuse: 500 },
  { refuse: 503 },
  { reset: "before" },
  { reset: "after" },
  { lateMilliseconds: 3000 },
  { isFalseSuccess: true },
  { errorInside: "InternalError" },
  { flipSent: 700 },
  { flipReceived: 700 },
  { cutAfter: 900 },
  { shortenTo: 900 },
];
