import { createHash } from "node:crypto";

/** The SHA-256 of bytes that are read in order, from their first to their last. */
export class SingleHash {
  /** Null until all bytes have been read. */
  digest: string | null = null;

  async *over(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const sha256 = createHash("sha256");
    for await (const piece of bytes) {
      sha256.update(piece);
      yield piece;
    }
    this.digest = sha256.digest("hex");
  }
}
