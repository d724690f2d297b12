import { setTimeout as sleep } from "node:timers/promises";

/** So much may be caught up after a pause. */
const burstMilliseconds = 200;

/** A rate that any number of transfers share, in either direction or both. */
export class Bandwidth {
  readonly bytesPerSecond: number;
  /** When all that was taken has been paid for, on the monotonic clock. */
  #paidAt = 0;

  /** @param bytesPerSecond above 0. */
  constructor(bytesPerSecond: number) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(`A bandwidth is more than 0 bytes a second; not ${bytesPerSecond}`);
    }
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when so many bytes may pass; who asks first is served first. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#paidAt = Math.max(this.#paidAt, now - burstMilliseconds) + (bytes / this.bytesPerSecond) * 1000;
    const wait = this.#paidAt - now;
    if (wait > 0) {
      await sleep(wait, undefined, { signal });
    }
  }
}

/** Passes bytes on no faster than the bandwidth allows. */
export async function* paced(
  bytes: AsyncIterable<Uint8Array>,
  bandwidth: Bandwidth | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of bytes) {
    await bandwidth?.take(piece.length, signal);
    yield piece;
  }
}
