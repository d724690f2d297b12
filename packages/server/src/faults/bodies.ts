import { setTimeout as sleep } from "node:timers/promises";
import type { Reply } from "../http/wire/encode.ts";
import type { OutgoingBytes } from "../operations/context.ts";
import type { Random } from "./random.ts";

type Pieces = AsyncGenerator<Uint8Array, void, void>;

/** The body as a stream, whatever it was; null when there is none. */
export function bytesOf({ body }: Reply): OutgoingBytes | null {
  if (body === null || body === "") {
    return null;
  }
  if (typeof body !== "string") {
    return body;
  }
  const bytes = Buffer.from(body);
  return { sizeBytes: bytes.length, stream: single(bytes) };
}

/** Ten pieces a second, or one byte at a time where that would be less. */
export async function* slowed(pieces: Pieces, bytesPerSecond: number): Pieces {
  const stepBytes = Math.ceil(bytesPerSecond / 10);
  const stepMilliseconds = (stepBytes / bytesPerSecond) * 1000;
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += stepBytes) {
      yield piece.subarray(start, start + stepBytes);
      await sleep(stepMilliseconds);
    }
  }
}

/** A reset overtakes bytes that are under way: the client has this long to read those that were sent before. */
const arrivalMilliseconds = 100;

/** Passes on `sizeBytes` bytes and then throws the error of `end`. */
export async function* brokenAfter(pieces: Pieces, sizeBytes: number, end: () => never): Pieces {
  let left = sizeBytes;
  for await (const piece of pieces) {
    if (piece.length > left) {
      yield piece.subarray(0, left);
      await sleep(arrivalMilliseconds);
      end();
    }
    left -= piece.length;
    yield piece;
  }
}

/** The same bytes but for one bit, somewhere. The pieces themselves stay as they are: they may be what is stored. */
export async function* corrupted(pieces: Pieces, sizeBytes: number, random: Random): Pieces {
  const at = Math.floor(random() * sizeBytes);
  const bit = 1 << Math.floor(random() * 8);
  let start = 0;
  for await (const piece of pieces) {
    const index = at - start;
    start += piece.length;
    yield index >= 0 && index < piece.length ? withBitFlipped(piece, index, bit) : piece;
  }
}

function withBitFlipped(piece: Uint8Array, index: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(piece);
  copy[index] = (copy[index] ?? 0) ^ bit;
  return copy;
}

async function* single(bytes: Uint8Array): Pieces {
  yield bytes;
}
