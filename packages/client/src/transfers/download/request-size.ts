import { leafSizeBytes } from "@moraine/protocol";

/** After this many full requests in a row, twice as much is asked for. */
const successesBeforeGrowth = 8;

/**
 * How much of an output is asked for at once: half as much after a connection broke, and more again when requests succeed. Some proxies
 * and networks end every response after a while; a smaller one comes to its end, and its checksum with it.
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

  /** A response to a request for this much broke. Requests that were sent together and break together count once. */
  broke(requestedBytes: number): void {
    const half = requestedBytes / 2;
    while (this.#bytes > Math.max(half, leafSizeBytes)) {
      this.#bytes /= 2;
    }
    this.#successes = 0;
  }

  /** A response to a request for this much came to its end. */
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
