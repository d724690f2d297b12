import { leafSizeBytes } from "@moraine/protocol";

/** After this many full requests in a row, the size doubles. */
const successesBeforeGrowth = 8;

/**
 * The size of requests for ranges. It is halved when a connection breaks, and grows when requests succeed. Some proxies and networks end
 * every response after a while: a smaller one is received to its end, so that its checksum can be compared.
 */
export class RequestSize {
  readonly #largestBytes: number;
  #bytes: number;
  #successes = 0;

  /** @param largestBytes 1 MiB times a power of two. */
  constructor(largestBytes: number) {
    this.#largestBytes = largestBytes;
    this.#bytes = largestBytes;
  }

  /** 1 MiB times a power of two. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records that a response was interrupted. Requests of one size that break together halve the size once. */
  broke(requestedBytes: number): void {
    const half = requestedBytes / 2;
    while (this.#bytes > Math.max(half, leafSizeBytes)) {
      this.#bytes /= 2;
    }
    this.#successes = 0;
  }

  /** Records that a response was received to its end. */
  completed(requestedBytes: number): void {
    if (requestedBytes < this.#bytes) {
      return; // The end of a range says nothing about larger ones.
    }
    this.#successes += 1;
    if (this.#successes >= successesBeforeGrowth) {
      this.#bytes = Math.min(2 * this.#bytes, this.#largestBytes);
      this.#successes = 0;
    }
  }
}
