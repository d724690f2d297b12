import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { ByteRange } from "@moraine/protocol";
import { release } from "../node/release.ts";
import type { DigestPool } from "./digest-pool.ts";
import { readFilePart } from "./read-file-part.ts";
import type { OpenSource } from "./source-part.ts";
import { streamedSource } from "./streamed-source.ts";
import { SourceChangedError } from "./transfer-errors.ts";

/** What may be uploaded: a file, bytes at hand, or bytes that come once, in order, until they end. */
export type UploadSource = { readonly path: string } | Uint8Array | AsyncIterable<Uint8Array>;

export async function openSource(source: UploadSource, pool: DigestPool): Promise<OpenSource> {
  if (source instanceof Uint8Array) {
    return bytesSource(source, pool);
  }
  if ("path" in source) {
    return fileSource(source.path, pool);
  }
  return streamedSource(source === process.stdin ? released(source) : source, pool);
}

/** Of standard input nobody else keeps what has passed. */
async function* released(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces) {
    yield piece;
    release(piece);
  }
}

/** Where each part of a known size lies. */
function* partRanges(sizeBytes: number, partSizeBytes: number): Generator<ByteRange & { readonly index: number }> {
  for (let firstByte = 0; firstByte < sizeBytes; firstByte += partSizeBytes) {
    const lastByte = Math.min(firstByte + partSizeBytes, sizeBytes) - 1;
    yield { index: firstByte / partSizeBytes, firstByte, lastByte };
  }
}

function bytesSource(bytes: Uint8Array, pool: DigestPool): OpenSource {
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

async function fileSource(path: string, pool: DigestPool): Promise<OpenSource> {
  const file = await open(path, "r");
  pool.start();
  const state = async () => {
    const { size, mtimeMs, ino } = await file.stat();
    return { size, identity: `${resolve(path)} ${size} ${mtimeMs} ${ino}` };
  };
  const { size, identity } = await state();
  return {
    sizeBytes: size,
    identity,
    async *parts(partSizeBytes) {
      for (const range of partRanges(size, partSizeBytes)) {
        yield {
          ...range,
          digest: () => pool.ofFile({ fd: file.fd, ...range }, "both"),
          open: () => readFilePart(file, range),
          release: () => undefined,
        };
      }
    },
    async assertUnchanged() {
      if ((await state()).identity !== identity) {
        throw new SourceChangedError(`${path} changed while it was uploaded; no archive was made of it`);
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
