/** A set of numbers of archives, at one bit for each archive of the catalogue: 1.2 MiB for 10⁷. */
export class ListedNumbers {
  #bits = new Uint8Array(1024);

  add(number: number): void {
    const at = number >> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (number & 7));
  }

  delete(number: number): void {
    const at = number >> 3;
    if (at < this.#bits.length) {
      this.#bits[at] = (this.#bits[at] ?? 0) & ~(1 << (number & 7));
    }
  }

  has(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }
}
