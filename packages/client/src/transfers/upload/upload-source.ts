import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { release } from "../../node/release.ts";
import type { DigestPool } from "../hashing/digest-pool.ts";
import { fileSource } from "./file-source.ts";
import { blobSource, bytesSource } from "./memory-source.ts";
import { isRangedSource, type RangedSource, rangedSource } from "./ranged-source.ts";
import type { OpenSource } from "./source-part.ts";
import { openSpecialFile } from "./special-file.ts";
import { streamedSource } from "./streamed-source.ts";

/**
 * The sources of an upload: a file by its path or `file:` URL, bytes in memory, a blob, a stream of bytes, or ranges that are read from
 * elsewhere. The path of a device or a named pipe is read as a stream.
 */
export type UploadSource =
  | { readonly path: string }
  | URL
  | Uint8Array
  | Blob
  | AsyncIterable<Uint8Array>
  | RangedSource;

/** Opens a source. Throws TypeError for one of another kind, and the file system's errors. */
export async function openSource(source: UploadSource, pool: DigestPool): Promise<OpenSource> {
  if (source instanceof Uint8Array) {
    return bytesSource(source, pool);
  }
  if (source instanceof Blob) {
    return blobSource(source);
  }
  if (source instanceof URL) {
    return pathSource(fileURLToPath(source), pool);
  }
  // Streams are recognised first: one that reads a range of a file also has the file's path.
  if (isStream(source)) {
    return streamedSource(source === process.stdin ? released(source) : source, pool);
  }
  if (typeof source === "object" && source !== null && isRangedSource(source)) {
    return rangedSource(source, pool);
  }
  const path = (source as { readonly path?: unknown } | null)?.path;
  if (typeof path !== "string") {
    throw new TypeError(
      `Invalid source ${typeof source}: expected { path }, a file: URL, a Uint8Array, a Blob or a stream of Uint8Arrays`,
    );
  }
  return pathSource(path, pool);
}

function isStream(source: unknown): source is AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

async function pathSource(path: string, pool: DigestPool): Promise<OpenSource> {
  const found = await stat(path);
  if (found.isDirectory()) {
    throw new TypeError(`Invalid source ${path}: it is a folder, expected a file`);
  }
  // Some file systems, such as /proc, do not report sizes.
  if (found.isFile() && found.size > 0) {
    return fileSource(path, pool);
  }
  const { bytes, close } = openSpecialFile(path, found);
  const source = streamedSource(bytes, pool);
  return {
    ...source,
    async [Symbol.asyncDispose]() {
      close();
      await source[Symbol.asyncDispose]();
    },
  };
}

/** Frees each piece of standard input after its use: nothing else keeps it. */
async function* released(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces) {
    yield piece;
    release(piece);
  }
}
