/** Counts the bytes of a range as they are received, some of them several times. All positions are in the output. */
export class ReceivedBytes {
  #position: number;
  /** The end of the bytes that have been received at least once. */
  #farthest: number;
  /** The same without bytes that were wrong: fetching those again is progress. */
  #reached: number;

  constructor(firstByte: number) {
    this.#position = firstByte;
    this.#farthest = firstByte;
    this.#reached = firstByte;
  }

  /** The position of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** Counts bytes at the position, and returns how many of them are repeated. `progressed` is called if any of them is new or was wrong. */
  add(bytes: number, progressed: () => void): number {
    const repeatedBytes = Math.min(bytes, Math.max(0, this.#farthest - this.#position));
    this.#position += bytes;
    this.#farthest = Math.max(this.#farthest, this.#position);
    if (this.#position > this.#reached) {
      this.#reached = this.#position;
      progressed();
    }
    return repeatedBytes;
  }

  /** Continues from another position. */
  moveTo(position: number): void {
    this.#position = position;
  }

  /** Records that the bytes from there on were wrong. */
  distrust(position: number): void {
    this.#reached = position;
  }
}
