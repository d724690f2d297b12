/**
 * Memory of a few MiB that is used again: with new memory for each request, the collector of garbage would take as long as all else. What is
 * shorter, or longer, is allocated as it is needed.
 */
export class UsedAgain {
  readonly #sizeBytes: number;
  readonly #keptMax: number;
  readonly #free: Buffer<ArrayBuffer>[] = [];

  /** @param keptMax how many are kept while nobody uses them. */
  constructor(sizeBytes: number, keptMax: number) {
    this.#sizeBytes = sizeBytes;
    this.#keptMax = keptMax;
  }

  take(sizeBytes: number): Buffer<ArrayBuffer> {
    if (sizeBytes <= this.#sizeBytes / 2 || sizeBytes > this.#sizeBytes) {
      return Buffer.allocUnsafeSlow(sizeBytes);
    }
    return (this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#sizeBytes)).subarray(0, sizeBytes);
  }

  /** Nothing may use it any more. */
  give(bytes: Buffer<ArrayBuffer>): void {
    if (bytes.buffer.byteLength === this.#sizeBytes && this.#free.length < this.#keptMax) {
      this.#free.push(Buffer.from(bytes.buffer));
    }
  }
}
