import { createHash } from "node:crypto";
import type { Body } from "./objects.ts";

/** Bytes that are sent together, hashed as they arrive: at once it would hold up all else for too long. */
export class Part {
  readonly #bytes: Buffer;
  readonly #md5 = createHash("md5");
  readonly #sha256 = createHash("sha256");
  #filled = 0;

  constructor(sizeBytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(sizeBytesMax);
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
    this.#md5.update(bytes);
    this.#sha256.update(bytes);
  }

  /** Nothing can be appended any more. */
  body(): Body {
    return {
      bytes: this.#bytes.subarray(0, this.#filled),
      md5: this.#md5.digest(),
      sha256: this.#sha256.digest(),
    };
  }
}
