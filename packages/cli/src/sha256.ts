import { createHash, createHmac } from "node:crypto";

type Bytes = string | Uint8Array;

/** The hash that AWS's signer asks for; with a secret, an HMAC. */
export class Sha256 {
  readonly #secret: Bytes | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret as Bytes | undefined;
    this.#hash = this.#start();
  }

  update(data: Bytes): void {
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
