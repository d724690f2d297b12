import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { DigestPool, PartDigest } from "@moraine/client/node";

/** Returns the hashes of an open file, all of whose bytes are read. Rejects if it has another size. */
export async function hashesOf(
  file: FileHandle,
  sizeBytes: number,
  pool: DigestPool,
  signal: AbortSignal,
): Promise<PartDigest> {
  signal.throwIfAborted();
  const digest = pool.ofFile({ fd: file.fd, firstByte: 0, lastByte: sizeBytes - 1 }, "both");
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    // After an abort, the thread reads on, and nobody waits for its result.
    return await Promise.race([digest, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Opens a file for reading, which must not be a link. Opening a named pipe does not wait. */
export const openForReading = (path: string): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
