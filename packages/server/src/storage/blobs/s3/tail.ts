/** The footer of a segment of 4 GiB has 128 KiB of hashes, and some KiB more. */
const tailBytes = 136 * 1024;

/** Keeps the last bytes of those that pass: the end of an object is read back and compared with them. */
export class Tail {
  #bytes: Buffer = Buffer.alloc(0);

  append(bytes: Uint8Array): void {
    const kept = Math.min(this.#bytes.length, Math.max(0, tailBytes - bytes.length));
    this.#bytes = Buffer.concat([
      this.#bytes.subarray(this.#bytes.length - kept),
      bytes.subarray(Math.max(0, bytes.length - tailBytes)),
    ]);
  }

  bytes(): Buffer {
    return this.#bytes;
  }
}
