import type { Digest } from "@moraine/protocol";
import type { Http } from "./http/http.ts";
import { webHttp } from "./http/web-http.ts";

/** What Node and browsers have in different ways. */
export interface Platform {
  /** Of whole bytes, which may change as soon as this has returned. */
  readonly sha256: (bytes: Uint8Array) => Digest | Promise<Digest>;
  /** The same as AWS's signer asks for it: an object; with a secret, an HMAC. */
  readonly Sha256: SignerHash;
  readonly http: Http;
}

/** In words of our own: AWS's types speak of Node's, which a program for browsers does not have. */
export type SignerHash = new (
  secret?: string | ArrayBuffer | ArrayBufferView,
) => {
  update(data: Uint8Array | string): void;
  digest(): Promise<Uint8Array>;
  reset(): void;
};

type Bytes = Uint8Array<ArrayBuffer>;

/** Web Crypto knows no hash in pieces; what is signed is short enough to be kept whole. */
class WebSha256 {
  readonly #secret: Bytes | undefined;
  #pieces: Bytes[] = [];

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
  }

  update(data: Uint8Array | string): void {
    this.#pieces.push(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    const bytes = new Uint8Array(await new Blob(this.#pieces).arrayBuffer());
    if (this.#secret === undefined) {
      return webSha256(bytes);
    }
    const key = await crypto.subtle.importKey("raw", this.#secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
  }

  reset(): void {
    this.#pieces = [];
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Bytes {
  if (typeof data === "string") {
    return new TextEncoder().encode(data);
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice()
    : new Uint8Array(data.slice(0));
}

async function webSha256(bytes: Uint8Array): Promise<Digest> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", unshared(bytes)));
}

/** What other threads could change, neither fetch nor Web Crypto takes. */
export function unshared(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : bytes.slice();
}

/** Web Crypto: in Node, and in browsers where the page came over HTTPS or from this machine. */
export const webPlatform: Platform = {
  sha256: webSha256,
  Sha256: WebSha256,
  http: webHttp,
};
