import { setTimeout as sleep } from "node:timers/promises";

/** The burst after a pause: the bytes of this duration. */
const burstMilliseconds = 200;
/** At a low rate, a piece takes this long, so that no connection is silent for long while others send. */
const pieceMilliseconds = 250;
/** Moraine's servers abort a request that is silent for 30 s, or slower than 1 KiB/s on average. */
const connectionBytesPerSecondMin = 16 * 1024;

/** A rate limit that any number of transfers share, uploads and downloads. */
export class Bandwidth {
  readonly bytesPerSecond: number;
  /** The time, on the monotonic clock, at which all bytes so far are within the rate. */
  #paidAt = 0;

  /** @param bytesPerSecond above 0. */
  constructor(bytesPerSecond: number) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(`Invalid bandwidth ${bytesPerSecond}: expected more than 0 bytes per second`);
    }
    this.bytesPerSecond = bytesPerSecond;
  }

  /** The number of uploads that can share it before each is too slow for a server. */
  get connectionsMax(): number {
    return Math.max(1, Math.floor(this.bytesPerSecond / connectionBytesPerSecondMin));
  }

  /** The maximum size of a piece. */
  get pieceBytesMax(): number {
    return Math.max(1, Math.floor((this.bytesPerSecond * pieceMilliseconds) / 1000));
  }

  /** Resolves when this number of bytes may pass. Callers are served in order. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#paidAt = Math.max(this.#paidAt, now - burstMilliseconds) + (bytes / this.bytesPerSecond) * 1000;
    const wait = this.#paidAt - now;
    if (wait > 0) {
      await sleep(wait, undefined, { signal });
    }
  }
}

/** Passes bytes on no faster than the bandwidth allows, in small pieces if it is low. */
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
