import type { FileHandle } from "node:fs/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import { SourceChangedError } from "../transfer-errors.ts";

/** More than a socket takes at once, so that each is on its way before the next is asked for. */
const pieceBytes = 256 * 1024;
const piecesKept = 4;

/**
 * The bytes of a range. The memory of a piece is used again for the fourth one after it: what a request body has asked for
 * by then has left, and if it had not, the hashes would tell.
 */
export async function* readFilePart(file: FileHandle, range: ByteRange): AsyncGenerator<Uint8Array> {
  const memory = Buffer.allocUnsafeSlow(Math.min(pieceBytes * piecesKept, rangeLength(range)));
  let place = 0;
  for (let position = range.firstByte; position <= range.lastByte; ) {
    const length = Math.min(pieceBytes, memory.length - place, range.lastByte + 1 - position);
    const { bytesRead } = await file.read(memory, place, length, position);
    if (bytesRead === 0) {
      throw new SourceChangedError(`The file ends at byte ${position}, sooner than when it was opened`);
    }
    yield memory.subarray(place, place + bytesRead);
    position += bytesRead;
    place = place + pieceBytes < memory.length ? place + pieceBytes : 0;
  }
}
