import { createHash, createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request as it shall stand on the wire. */
export interface RequestOptions {
  readonly method: string;
  /** Path and query, percent-encoded as they go out. */
  readonly path: string;
  /** In addition to the defaults, or in place of them; undefined leaves one out. All of these are signed. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | string;
  /** Added after signing, or put in the place of what was signed. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** False sends what there is of the body and leaves it open, as a client does that has more to say. */
  readonly endsBody?: boolean;
  /** Goes away once so much of the response's body has come. */
  readonly leavesAfterBytes?: number;
  /** Null sends no Authorization at all. */
  readonly key?: Credentials | null;
  readonly signedAt?: Date;
  readonly region?: string;
  readonly service?: string;
}

/** A response as it stood on the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names as they were written, and values, in turns. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** False when the connection ended before the body did. */
  readonly complete: boolean;
  readonly text: string;
  /** The body as JSON; its shape is for the test to say. */
  json<Body = unknown>(): Body;
}

/** Signs with AWS's own signer and sends by `node:http`, so that nothing is added, retried or decoded on the way. */
export interface SignedClient {
  send(options: RequestOptions): Promise<WireAnswer>;
  close(): void;
}

export interface SignedClientOptions {
  readonly port: number;
  readonly key: Credentials;
  readonly region: string;
}

export function signedClient(defaults: SignedClientOptions): SignedClient {
  const agent = new Agent({ keepAlive: true });
  return {
    async send(options) {
      const headers = await signedHeaders(defaults, options);
      return exchange(agent, defaults.port, options, { ...headers, ...options.unsignedHeaders });
    },
    close: () => agent.destroy(),
  };
}

async function signedHeaders(defaults: SignedClientOptions, options: RequestOptions): Promise<Record<string, string>> {
  const wanted = {
    host: `127.0.0.1:${defaults.port}`,
    "x-amz-glacier-version": "2012-06-01",
    // As SDKs do: calls of one second that are equal otherwise are distinguished, and none counts as a replay.
    ...(options.service === "moraine" && { "amz-sdk-invocation-id": randomUUID() }),
    ...options.headers,
  };
  const headers = Object.fromEntries(
    Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  if (options.key === null) {
    return headers;
  }
  const signer = new SignatureV4({
    credentials: options.key ?? defaults.key,
    region: options.region ?? defaults.region,
    service: options.service ?? "glacier",
    sha256: Sha256,
    applyChecksum: false,
  });
  const [path = "", query] = splitAt(options.path, "?");
  const signed = await signer.sign(
    {
      method: options.method,
      protocol: "http:",
      hostname: "127.0.0.1",
      path,
      query: Object.fromEntries(new URLSearchParams(query)),
      headers,
      ...(options.body === undefined ? {} : { body: options.body }),
    },
    { signingDate: options.signedAt ?? new Date() },
  );
  return signed.headers;
}

async function exchange(
  agent: Agent,
  port: number,
  options: RequestOptions,
  headers: Record<string, string>,
): Promise<WireAnswer> {
  const { method, path, body, endsBody = true } = options;
  const request = httpRequest({ agent, host: "127.0.0.1", port, method, path, headers, setDefaultHeaders: false });
  // A server may answer and close before all has been sent; only a failure before the response is one.
  request.on("error", () => undefined);
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  if (!endsBody) {
    request.write(body ?? "");
  } else if (body === undefined || "transfer-encoding" in headers || "content-length" in headers) {
    request.end(body);
  } else {
    request.setHeader("content-length", Buffer.byteLength(body)).end(body);
  }
  const [response] = await answered;
  const answer = await collect(response, options.leavesAfterBytes);
  if (!endsBody) {
    request.destroy();
  }
  return answer;
}

async function collect(response: IncomingMessage, sizeBytesMax = Number.POSITIVE_INFINITY): Promise<WireAnswer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  await new Promise<void>((resolve) => {
    response.on("data", (piece: Buffer) => {
      pieces.push(piece);
      sizeBytes += piece.length;
      if (sizeBytes >= sizeBytesMax) {
        response.destroy();
      }
    });
    response.on("error", () => undefined);
    response.once("end", resolve).once("close", resolve);
  });
  const body = Buffer.concat(pieces);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body,
    complete: response.complete,
    text: body.toString("utf8"),
    json: <Body>() => JSON.parse(body.toString("utf8")) as Body,
  };
}

function splitAt(text: string, mark: string): [string, string | undefined] {
  const index = text.indexOf(mark);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

/** The hash that the signer asks for. */
class Sha256 {
  readonly #secret: Uint8Array | string | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | Uint8Array | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret as Uint8Array | string | undefined;
    this.#hash = this.#start();
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#start();
  }

  #start() {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", this.#secret);
  }
}
