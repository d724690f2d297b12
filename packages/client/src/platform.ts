import type { Digest } from "@moraine/protocol";
import type { Http } from "./http/http.ts";
import { webHttp } from "./http/web-http.ts";

/** The functions that differ between Node and browsers. */
export interface Platform {
  /** Hashes bytes, which may be changed as soon as the call has returned. */
  readonly sha256: (bytes: Uint8Array) => Digest | Promise<Digest>;
  /** The hash in the form that AWS's signer needs: a class. With a secret, its objects compute an HMAC. */
  readonly Sha256: SignerHash;
  readonly http: Http;
}

/** Our own declaration of AWS's type, which refers to Node's types: programs for browsers do not have those. */
export type SignerHash = new (
  secret?: string | ArrayBuffer | ArrayBufferView,
) => {
  update(data: Uint8Array | string): void;
  digest(): Promise<Uint8Array>;
  reset(): void;
};

type Bytes = Uint8Array<ArrayBuffer>;

/** Keeps all bytes and hashes them at the end: Web Crypto cannot hash in pieces, and signed texts are short. */
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

/** Copies shared memory, which neither fetch nor Web Crypto accepts. */
export function unshared(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : bytes.slice();
}

/** The platform with Web Crypto: Node, and browsers if the page was loaded over HTTPS or from this machine. */
export const webPlatform: Platform = {
  sha256: webSha256,
  Sha256: WebSha256,
  http: webHttp,
};
