import { createHash, type Hash, hash, webcrypto } from "node:crypto";
import type { Body } from "./objects.ts";

/** Hashed at once: for shorter bytes another thread is not worth its while. */
const shortBytes = 256 * 1024;

/** Bytes that are sent together, with their MD5 or without. It is computed as they arrive: at once it would hold up all else for too long. */
export class Part {
  readonly #bytes: Buffer<ArrayBuffer>;
  readonly #md5: Hash | null;
  #filled = 0;

  /** @param memory for all of its bytes; its own until they are stored. */
  constructor(memory: Buffer<ArrayBuffer>, hasMd5: boolean) {
    this.#bytes = memory;
    this.#md5 = hasMd5 ? createHash("md5") : null;
  }

  get sizeBytes(): number {
    return this.#filled;
  }

  get room(): number {
    return this.#bytes.length - this.#filled;
  }

  /** Copies bytes, for which there must be room. */
  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#md5?.update(bytes);
  }

  /** Nothing can be appended any more. */
  async body(): Promise<Body> {
    const bytes = this.#bytes.subarray(0, this.#filled);
    return { bytes, md5: this.#md5?.digest() ?? null, sha256: await sha256Of(bytes) };
  }
}

async function sha256Of(bytes: Buffer<ArrayBuffer>): Promise<Buffer> {
  return bytes.length <= shortBytes
    ? hash("sha256", bytes, "buffer")
    : Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes));
}
