import { setTimeout as pause } from "node:timers/promises";

/** Keeps copying to a number of bytes a second, so that a server next to it keeps its share of the disk. */
export class Pace {
  readonly #bytesPerSecond: number | null;
  #freeAt = 0;

  /** @param bytesPerSecond null for no limit. */
  constructor(bytesPerSecond: number | null) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when the next bytes may be copied. */
  async spend(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === null) {
      return;
    }
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / this.#bytesPerSecond) * 1000;
    await pause(this.#freeAt - now);
  }
}
