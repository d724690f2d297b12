import type { DigestPool } from "../hashing/digest-pool.ts";
import { PartHasher } from "../hashing/part-digest.ts";
import { asError, SourceChangedError } from "../transfer-errors.ts";
import { type OpenSource, partRanges } from "./source-part.ts";

export function bytesSource(bytes: Uint8Array, pool: DigestPool): OpenSource {
  return {
    sizeBytes: bytes.length,
    identity: null,
    async *parts(partSizeBytes) {
      for (const range of partRanges(bytes.length, partSizeBytes)) {
        const part = bytes.subarray(range.firstByte, range.lastByte + 1);
        yield {
          ...range,
          // Copied, since the pool moves the memory away (the slice of a Buffer is not a copy).
          digest: () => pool.ofBytes(new Uint8Array(part), "both"),
          async *open() {
            yield part;
          },
          release: () => undefined,
        };
      }
    },
    assertUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Opens a blob as a source. It is read in pieces, since it may be larger than memory. */
export function blobSource(blob: Blob): OpenSource {
  return {
    sizeBytes: blob.size,
    identity: null,
    async *parts(partSizeBytes) {
      for (const range of partRanges(blob.size, partSizeBytes)) {
        const open = () => readBlob(blob.slice(range.firstByte, range.lastByte + 1));
        yield { ...range, digest: () => digestOf(open()), open, release: () => undefined };
      }
    },
    assertUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Reads a blob. Throws SourceChangedError if its file has changed: then Node can no longer read it. */
async function* readBlob(blob: Blob): AsyncGenerator<Uint8Array> {
  try {
    yield* blob.stream() as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw asError(error).name === "NotReadableError"
      ? new SourceChangedError("The file of the blob changed, or can no longer be read; no archive was made of it", {
          cause: error,
        })
      : error;
  }
}

async function digestOf(pieces: AsyncIterable<Uint8Array>) {
  const hasher = new PartHasher("both");
  for await (const piece of pieces) {
    hasher.update(piece);
  }
  return hasher.digest();
}
