import { createHash, createHmac, hash } from "node:crypto";
import type { Platform } from "../platform.ts";
import type { Agents } from "./agents.ts";
import { nodeHttp } from "./node-http.ts";

class NodeSha256 {
  readonly #secret: Uint8Array | string | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
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

export const nodeSha256 = (bytes: Uint8Array) => hash("sha256", bytes, "buffer");

export const nodePlatform = (agents: Agents): Platform => ({
  sha256: nodeSha256,
  Sha256: NodeSha256,
  http: (url, request) => nodeHttp(url, request, agents),
});
