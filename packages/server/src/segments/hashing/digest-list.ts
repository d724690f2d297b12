import type { Digest } from "@moraine/protocol";

const digestBytes = 32;
const firstDigests = 16;

/**
 * Digests in one buffer outside the V8 heap, 32 bytes each. As objects they would take 212 bytes each of a heap that is
 * limited, for as long as a slow body lasts. The buffer doubles as they arrive: an announced size reserves nothing.
 */
export class DigestList {
  readonly #digestsMax: number;
  #buffer: ArrayBuffer;
  #count = 0;

  constructor(digestsMax: number) {
    this.#digestsMax = digestsMax;
    this.#buffer = new ArrayBuffer(Math.min(firstDigests, digestsMax) * digestBytes);
  }

  /** Copies the digest. Throws a RangeError when the list is full. */
  push(digest: Digest): void {
    if (this.#count === this.#digestsMax) {
      throw new RangeError(`A list of ${this.#digestsMax} digests is full`);
    }
    if (this.#count * digestBytes === this.#buffer.byteLength) {
      this.#buffer = this.#buffer.transfer(Math.min(2 * this.#count, this.#digestsMax) * digestBytes);
    }
    new Uint8Array(this.#buffer).set(digest, this.#count * digestBytes);
    this.#count += 1;
  }

  /** Each digest as a view of the buffer, valid until the next `push` or `join`. */
  *[Symbol.iterator](): Generator<Digest, void, void> {
    for (let index = 0; index < this.#count; index += 1) {
      yield new Uint8Array(this.#buffer, index * digestBytes, digestBytes);
    }
  }

  /** Gives the buffer away, cut to its digests; the list is empty afterwards. */
  join(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#buffer.transfer(this.#count * digestBytes));
    this.#buffer = new ArrayBuffer(0);
    this.#count = 0;
    return joined;
  }
}
