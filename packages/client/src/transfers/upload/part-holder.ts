import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DigestPool } from "../hashing/digest-pool.ts";
import type { PartDigest } from "../hashing/part-digest.ts";
import { LocalFileError } from "../transfer-errors.ts";
import { readFilePart } from "./read-file-part.ts";

/** Parts up to this size are kept in memory, larger ones in a temporary file, so that memory is bounded. */
const inMemoryBytesMax = 8 * 1024 ** 2;
const pieceBytes = 512 * 1024;

/** Holds one part after another: it may have to be sent again, and a stream cannot be read again. */
export interface PartHolder {
  write(bytes: Uint8Array, offset: number): Promise<void>;
  digest(length: number): Promise<PartDigest>;
  open(length: number): AsyncIterable<Uint8Array>;
}

/** Returns a function that makes holders of parts of up to this size, which the stack frees. */
export async function holders(
  partSizeBytes: number,
  pool: DigestPool,
  stack: AsyncDisposableStack,
): Promise<() => PartHolder> {
  if (partSizeBytes <= inMemoryBytesMax) {
    return () => memoryHolder(partSizeBytes, pool);
  }
  const file = await temporaryFile();
  stack.defer(() => file.close());
  let count = 0;
  return () => fileHolder(file, partSizeBytes * count++, pool);
}

function memoryHolder(partSizeBytes: number, pool: DigestPool): PartHolder {
  let memory = new Uint8Array(partSizeBytes);
  return {
    async write(bytes, offset) {
      memory.set(bytes, offset);
    },
    async digest(length) {
      const { bytes, ...digest } = await pool.ofBytes(memory.subarray(0, length), "both");
      memory = new Uint8Array(bytes.buffer);
      return digest;
    },
    async *open(length) {
      for (let start = 0; start < length; start += pieceBytes) {
        yield memory.subarray(start, Math.min(start + pieceBytes, length));
      }
    },
  };
}

function fileHolder(file: FileHandle, start: number, pool: DigestPool): PartHolder {
  return {
    async write(bytes, offset) {
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, start + offset);
      if (bytesWritten !== bytes.length) {
        throw new LocalFileError(`Wrote ${bytesWritten} of ${bytes.length} bytes to the temporary file`);
      }
    },
    digest: (length) => pool.ofFile({ fd: file.fd, firstByte: start, lastByte: start + length - 1 }, "both"),
    open: (length) => readFilePart(file, { firstByte: start, lastByte: start + length - 1 }),
  };
}

/** Creates a file and removes its name at once, so that it disappears with the process, however that ends. */
async function temporaryFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-parts-"));
  try {
    return await open(join(folder, "parts"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}
