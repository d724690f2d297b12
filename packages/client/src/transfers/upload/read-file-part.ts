import type { FileHandle } from "node:fs/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import { SourceChangedError } from "../transfer-errors.ts";

/** Larger than a socket's buffer, so that a piece is being sent before the next one is requested. */
const pieceBytes = 256 * 1024;
const piecesKept = 4;

/**
 * Reads the bytes of a range. A piece's memory is reused for the fourth one after it. The piece has been sent by then; if it had not, the
 * hashes would differ.
 */
export async function* readFilePart(file: FileHandle, range: ByteRange): AsyncGenerator<Uint8Array> {
  const memory = Buffer.allocUnsafeSlow(Math.min(pieceBytes * piecesKept, rangeLength(range)));
  let place = 0;
  for (let position = range.firstByte; position <= range.lastByte; ) {
    const length = Math.min(pieceBytes, memory.length - place, range.lastByte + 1 - position);
    const { bytesRead } = await file.read(memory, place, length, position);
    if (bytesRead === 0) {
      throw new SourceChangedError(`The file ends at byte ${position}: it was longer when it was opened`);
    }
    yield memory.subarray(place, place + bytesRead);
    position += bytesRead;
    place = place + pieceBytes < memory.length ? place + pieceBytes : 0;
  }
}
