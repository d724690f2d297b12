import { setTimeout as sleep } from "node:timers/promises";

/** So much may be caught up after a pause. */
const burstMilliseconds = 200;
/** Several connections share a slow rate in pieces of this duration, so that none is silent for long. */
const pieceMilliseconds = 250;
/** Moraine's servers end a request that is silent for 30 s, or has less than 1 KiB/s on average. */
const connectionBytesPerSecondMin = 16 * 1024;

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

  /** Uploads that may share it without each becoming too slow for a server. */
  get connectionsMax(): number {
    return Math.max(1, Math.floor(this.bytesPerSecond / connectionBytesPerSecondMin));
  }

  /** Bytes to be sent at once, at most. */
  get pieceBytesMax(): number {
    return Math.max(1, Math.floor((this.bytesPerSecond * pieceMilliseconds) / 1000));
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

/** Passes bytes on no faster than the bandwidth allows, in pieces that are small where it is low. */
export async function* paced(
  bytes: AsyncIterable<Uint8Array>,
  bandwidth: Bandwidth | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const pieceBytesMax = bandwidth?.pieceBytesMax ?? Number.POSITIVE_INFINITY;
  for await (const given of bytes) {
    for (let rest = given; rest.length > 0; ) {
      const piece = rest.length > pieceBytesMax ? rest.subarray(0, pieceBytesMax) : rest;
      rest = rest.subarray(piece.length);
      await bandwidth?.take(piece.length, signal);
      yield piece;
    }
  }
}
