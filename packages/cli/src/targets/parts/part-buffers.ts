import { createHash, type Hash, randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DigestPool, type PartDigest } from "@moraine/client/node";
import { ByteBudget } from "./byte-budget.ts";
import { inMemoryBytesMax } from "./part-size.ts";
import { readingBytesMax } from "./verified-range.ts";

/** Memory of the parts of all copies that are in progress. */
const memoryBytesMax = 32 * 1024 ** 2;

/** The bytes of a part, with the hashes that its request needs. */
export interface HeldPart extends PartDigest, AsyncDisposable {
  readonly sizeBytes: number;
  /** In hex; null on a system that does not offer MD5. */
  readonly md5: string | null;
  /** Returns the bytes from their start, for one attempt. */
  open(): Uint8Array | Readable;
}

/** Holds parts until they are sent, in memory that does not grow with their number. */
export class PartBuffers implements AsyncDisposable {
  readonly pool = new DigestPool();
  readonly #folder: string;
  readonly #budget = new ByteBudget(memoryBytesMax);

  /** @param folder for temporary files; created when it is needed */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads all bytes. Throws an Error if they are more or fewer than `sizeBytes`. */
  async hold(bytes: AsyncIterable<Uint8Array>, sizeBytes: number, signal: AbortSignal): Promise<HeldPart> {
    const isInMemory = sizeBytes <= inMemoryBytesMax;
    const neededBytes = (isInMemory ? sizeBytes : 0) + Math.min(sizeBytes, readingBytesMax);
    const memory = await this.#budget.acquire(neededBytes, signal);
    try {
      const part = isInMemory ? await this.#inMemory(bytes, sizeBytes) : await this.#inFile(bytes, sizeBytes);
      return {
        ...part,
        async [Symbol.asyncDispose]() {
          await part[Symbol.asyncDispose]();
          memory[Symbol.dispose]();
        },
      };
    } catch (error) {
      memory[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
  }

  async #inMemory(pieces: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<HeldPart> {
    const memory = new Uint8Array(sizeBytes);
    const md5 = newMd5();
    await readExactly(pieces, sizeBytes, async (piece, position) => {
      memory.set(piece, position);
      md5?.update(piece);
    });
    const { bytes, ...digest } = await this.pool.ofBytes(memory, "both");
    return {
      ...digest,
      sizeBytes,
      md5: md5?.digest("hex") ?? null,
      open: () => bytes,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async #inFile(pieces: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<HeldPart> {
    const file = await temporaryFile(this.#folder);
    try {
      const md5 = newMd5();
      await readExactly(pieces, sizeBytes, async (piece, position) => {
        md5?.update(piece);
        for (let written = 0; written < piece.length; ) {
          const rest = piece.length - written;
          written += (await file.write(piece, written, rest, position + written)).bytesWritten;
        }
      });
      const digest = await this.pool.ofFile({ fd: file.fd, firstByte: 0, lastByte: sizeBytes - 1 }, "both");
      return {
        ...digest,
        sizeBytes,
        md5: md5?.digest("hex") ?? null,
        open: () => file.createReadStream({ start: 0, end: sizeBytes - 1, autoClose: false }),
        [Symbol.asyncDispose]: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

/** Creates a file and removes its name at once, so that it disappears with the process, however that ends. */
async function temporaryFile(folder: string) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `part-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  return file;
}

/** Null on systems whose rules forbid MD5. */
function newMd5(): Hash | null {
  try {
    return createHash("md5");
  } catch {
    return null;
  }
}

async function readExactly(
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  keep: (piece: Uint8Array, position: number) => Promise<void>,
): Promise<void> {
  let position = 0;
  for await (const piece of pieces) {
    if (position + piece.length <= sizeBytes) {
      await keep(piece, position);
    }
    position += piece.length;
  }
  if (position !== sizeBytes) {
    throw new Error(`Received ${position} bytes of a part, expected ${sizeBytes}`);
  }
}
