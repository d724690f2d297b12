import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { DigestPool } from "../hashing/digest-pool.ts";
import { SourceChangedError } from "../transfer-errors.ts";
import { readFilePart } from "./read-file-part.ts";
import { type OpenSource, partRanges } from "./source-part.ts";

/** Opens a file as a source. It must not change while it is open: each part checks that twice. */
export async function fileSource(path: string, pool: DigestPool): Promise<OpenSource> {
  const file = await open(path, "r");
  pool.start();
  const state = async () => {
    const { size, mtimeMs, ino } = await file.stat();
    return { size, identity: `${resolve(path)} ${size} ${mtimeMs} ${ino}` };
  };
  const { size, identity } = await state();
  const assertUnchanged = async () => {
    if ((await state()).identity !== identity) {
      throw new SourceChangedError(`${path} changed while it was uploaded; no archive was made of it`);
    }
  };
  return {
    sizeBytes: size,
    identity,
    async *parts(partSizeBytes) {
      for (const range of partRanges(size, partSizeBytes)) {
        yield {
          ...range,
          async digest() {
            await assertUnchanged();
            try {
              return await pool.ofFile({ fd: file.fd, ...range }, "both");
            } catch (error) {
              await assertUnchanged(); // A file that is shorter now has changed; the disk has not failed.
              throw error;
            }
          },
          open: () => readUnchanged(file, range, assertUnchanged),
          release: () => undefined,
        };
      }
    },
    assertUnchanged,
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Yields the last piece only if the file is unchanged, so that no service ever has all of a changed part. */
async function* readUnchanged(
  file: FileHandle,
  range: ByteRange,
  assertUnchanged: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let leftBytes = rangeLength(range);
  for await (const piece of readFilePart(file, range)) {
    leftBytes -= piece.length;
    if (leftBytes === 0) {
      await assertUnchanged();
    }
    yield piece;
  }
}
