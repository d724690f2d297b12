import type { TreeHash } from "@moraine/protocol";
import { BlockFile } from "./block-file.ts";
import { PiecewiseTreeHash } from "./part-digest.ts";
import { local } from "./transfer-errors.ts";

/** What is written at once; with less, waking threads costs more. A range under way has two: one is filled while the other is written. */
const blockBytes = 2 * 1024 ** 2;

type Block = Uint8Array<ArrayBuffer>;

/** What is to become the target, beside it: as long as the target from the beginning, and sparse. */
export class PartialFile {
  readonly #file: BlockFile;
  readonly #free: Block[] = [];

  private constructor(file: BlockFile) {
    this.#file = file;
  }

  static async open(path: string, sizeBytes: number): Promise<PartialFile> {
    return new PartialFile(await local(BlockFile.open(path, sizeBytes)));
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Writes the bytes from that place on; resolves to their tree hash. */
  async write(bytes: AsyncIterable<Uint8Array>, position: number): Promise<TreeHash> {
    const hash = new PiecewiseTreeHash();
    const blocks = new Blocks(this.#file, this.#free, position);
    try {
      for await (const piece of bytes) {
        await blocks.add(piece);
        hash.update(piece);
      }
      await blocks.end();
    } finally {
      // Also when it failed: a write that is late must not meet those of the next attempt.
      await blocks.settled();
    }
    return hash.digest();
  }

  async sync(): Promise<void> {
    await local(this.#file.sync());
  }

  async close(): Promise<void> {
    await local(this.#file.close());
  }
}

/** Bytes on their way into a file, one after the other, in blocks of which each is written while the next is filled. */
class Blocks {
  readonly #file: BlockFile;
  readonly #free: Block[];
  #position: number;
  #block: Block;
  #filledBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: BlockFile, free: Block[], position: number) {
    this.#file = file;
    this.#free = free;
    this.#position = position;
    this.#block = this.#take();
  }

  /** Resolves when the piece has been copied; rejects when one before it could not be written. */
  async add(piece: Uint8Array): Promise<void> {
    for (let rest = piece; rest.length > 0; ) {
      const part = rest.subarray(0, blockBytes - this.#filledBytes);
      this.#block.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      rest = rest.subarray(part.length);
      if (this.#filledBytes === blockBytes) {
        await this.#flush();
      }
    }
  }

  /** Resolves when all has been written. */
  async end(): Promise<void> {
    if (this.#filledBytes > 0) {
      await this.#flush();
    }
    await this.#writing;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
    this.#free.push(this.#block);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const block = this.#block;
    this.#writing = local(this.#file.write(block.subarray(0, this.#filledBytes), this.#position)).finally(() =>
      this.#free.push(block),
    );
    this.#writing.catch(() => undefined); // Whoever waits for it hears of it.
    this.#position += this.#filledBytes;
    this.#filledBytes = 0;
    this.#block = this.#take();
  }

  #take(): Block {
    return this.#free.pop() ?? alignedBlock();
  }
}

/** Memory that can be resized begins at a page, unlike other: what is written past the page cache must. */
const alignedBlock = (): Block => new Uint8Array(new ArrayBuffer(blockBytes, { maxByteLength: blockBytes }));
