/**
 * Gives memory back to the system at once, and not when it is next collected, if the piece is all of it. Left to the
 * collector, an output of 1 GiB took twice the processor time and 70 MiB more.
 */
export function release(piece: Uint8Array): void {
  if (piece.byteOffset === 0 && piece.length === piece.buffer.byteLength && piece.buffer instanceof ArrayBuffer) {
    piece.buffer.transfer(0);
  }
}
