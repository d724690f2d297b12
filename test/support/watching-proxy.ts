import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

// Stands between a client and the server, passes everything on as it is, signatures included, and remembers it; a test may
// have it change a response.

/** A request that has passed. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  /** `{first}-{last}` of Range or Content-Range. */
  readonly range: string | null;
  /** The server's; null until it has answered. */
  status: number | null;
  /** Bytes of the response body that have been passed on so far. */
  bytes: number;
}

/** The change to a response; undefined leaves it as it is. */
export interface Change {
  /** Answered in the server's place, which hears nothing of the request. */
  readonly refusal?: { readonly status: number; readonly code: string; readonly message: string };
  /** Put in the place of the server's; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** One bit of this byte of the body is turned over. */
  readonly flippedByte?: number;
  /** The connection breaks after this many bytes of the body. */
  readonly breakAfterBytes?: number;
  /** The request is carried out, and its response never comes. */
  readonly swallowed?: boolean;
}

export class WatchingProxy implements AsyncDisposable {
  readonly passed: Passed[] = [];
  /** Asked for each request before it is passed on. */
  change: (request: Passed) => Change | undefined = () => undefined;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #upstream: URL;

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream);
    this.#server = createServer((incoming, answer) => this.#pass(incoming, answer));
  }

  static async start(upstream: string): Promise<WatchingProxy> {
    const proxy = new WatchingProxy(upstream);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ranges of GetJobOutput that were asked for, since the `from`th request. */
  ranges(from = 0): string[] {
    return this.passed
      .slice(from)
      .flatMap(({ method, path, range }) => (method === "GET" && path.endsWith("/output") ? (range ?? []) : []));
  }

  /** Bytes of outputs that have passed. */
  get outputBytes(): number {
    return this.passed.reduce((sum, { path, bytes }) => sum + (path.endsWith("/output") ? bytes : 0), 0);
  }

  /** Parts that were sent, since the `from`th request. */
  parts(from = 0): Passed[] {
    return this.passed
      .slice(from)
      .filter(({ method, path }) => method === "PUT" && path.includes("/multipart-uploads/"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = "", url = "" } = incoming;
    const text = incoming.headers.range ?? incoming.headers["content-range"];
    const range = /([0-9]+-[0-9]+)/.exec(text ?? "")?.[1] ?? null;
    const passed: Passed = { method, path: url.split("?")[0] ?? "", range, status: null, bytes: 0 };
    this.passed.push(passed);
    const change = this.change(passed) ?? {};
    if (change.refusal !== undefined) {
      passed.status = change.refusal.status;
      answer.writeHead(change.refusal.status, { "content-type": "application/json" });
      answer.write(JSON.stringify({ ...change.refusal, status: undefined, type: "Client" }));
      endAfter(incoming, answer);
      return;
    }
    const { hostname: host, port } = this.#upstream;
    const outgoing = request(
      { agent: this.#agent, host, port, method, path: url, headers: incoming.headers },
      (came) => {
        passed.status = came.statusCode ?? 0;
        if (change.swallowed) {
          came.resume();
          answer.destroy();
          return;
        }
        came.on("end", () => endAfter(incoming, answer));
        this.#answer(came, answer, change, passed);
      },
    );
    outgoing.on("error", () => answer.headersSent || answer.destroy());
    incoming.on("error", () => outgoing.destroy());
    answer.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  #answer(came: IncomingMessage, answer: ServerResponse, change: Change, passed: Passed): void {
    const headers = { ...came.headers };
    for (const [name, value] of Object.entries(change.headers ?? {})) {
      delete headers[name];
      if (value !== null) {
        headers[name] = value;
      }
    }
    answer.writeHead(came.statusCode ?? 0, headers);
    came.on("data", (piece: Buffer) => {
      const flipped = (change.flippedByte ?? -1) - passed.bytes;
      if (flipped >= 0 && flipped < piece.length) {
        piece[flipped] = (piece[flipped] ?? 0) ^ 1;
      }
      const left = (change.breakAfterBytes ?? Number.POSITIVE_INFINITY) - passed.bytes;
      passed.bytes += piece.length;
      if (left < piece.length) {
        came.destroy();
        answer.write(piece.subarray(0, Math.max(0, left)), () => answer.destroy());
      } else if (!answer.write(piece)) {
        came.pause();
      }
    });
    answer.on("drain", () => came.resume());
    came.on("error", () => answer.destroy());
  }
}

/** Ends the response when the whole request has come: a connection that is closed before may lose the response to its client. */
function endAfter(incoming: IncomingMessage, answer: ServerResponse): void {
  if (incoming.complete) {
    answer.end();
  } else {
    incoming.unpipe();
    incoming.once("end", () => answer.end()).resume();
  }
}
