import { createHash } from "node:crypto";
import type { DigestPool } from "./digest-pool.ts";
import { LeafDigests } from "./part-digest.ts";
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
          // A copy, for what is hashed elsewhere is gone from here meanwhile (and the slice of a Buffer is none).
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

/** Reads a blob in pieces, wherever it keeps its bytes: it may be larger than memory. */
export function blobSource(blob: Blob): OpenSource {
  return {
    sizeBytes: blob.size,
    identity: null,
    async *parts(partSizeBytes) {
      for (const range of partRanges(blob.size, partSizeBytes)) {
        const open = () => blob.slice(range.firstByte, range.lastByte + 1).stream() as AsyncIterable<Uint8Array>;
        yield { ...range, digest: () => digestOf(open()), open, release: () => undefined };
      }
    },
    assertUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function digestOf(pieces: AsyncIterable<Uint8Array>) {
  const tree = new LeafDigests();
  const linear = createHash("sha256");
  for await (const piece of pieces) {
    tree.update(piece);
    linear.update(piece);
  }
  return { treeHash: tree.treeHash(), sha256: linear.digest("hex") };
}
