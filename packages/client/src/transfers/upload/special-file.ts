import { createReadStream, open, type Stats } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

/**
 * Reads a file without a known size, such as a device or a named pipe, to its end. `close` ends the reading, even while the producer is
 * silent.
 */
export function openSpecialFile(
  path: string,
  stats: Stats,
): { readonly bytes: AsyncIterable<Uint8Array>; readonly close: () => void } {
  if (!stats.isFIFO()) {
    const stream = createReadStream(path);
    return { bytes: stream, close: () => void stream.destroy() };
  }
  const closing = new AbortController();
  return { bytes: readNamedPipe(path, closing.signal), close: () => closing.abort() };
}

/** Reads by a socket: the read of a file cannot be cancelled while it waits for the producer. */
async function* readNamedPipe(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const fd = await promisify(open)(path, "r");
  yield* new Socket({ fd, readable: true, writable: false, signal }) as AsyncIterable<Uint8Array>;
}
