import { local } from "../../transfer-errors.ts";
import { alignmentBytes, BlockFile } from "./block-file.ts";
import { type Block, BlockWriter, blockBytes } from "./block-writer.ts";

/** The unfinished file next to the target. It is sparse, and has the target's size from the beginning. */
export class PartialFile {
  readonly #file: BlockFile;
  readonly #writer: BlockWriter;

  private constructor(file: BlockFile) {
    this.#file = file;
    this.#writer = new BlockWriter(file);
  }

  static async open(path: string, sizeBytes: number): Promise<PartialFile> {
    return new PartialFile(await local(BlockFile.open(path, sizeBytes)));
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Writes the bytes from that position on. If they fail, it rejects with their error, once those received before are written. */
  async write(bytes: AsyncIterable<Uint8Array>, position: number): Promise<void> {
    const run = new BlockRun(this.#writer, position);
    try {
      try {
        for await (const piece of bytes) {
          await run.add(piece);
        }
      } finally {
        await run.end();
      }
    } finally {
      // Waits even after a failure: a late write must not overlap those of the next attempt.
      await run.settle();
    }
  }

  async sync(): Promise<void> {
    await local(this.#file.sync());
  }

  async close(): Promise<void> {
    await local(this.#file.close());
  }
}

/** Writes consecutive bytes in blocks: some are being written while the next is filled. */
class BlockRun {
  readonly #writer: BlockWriter;
  #position: number;
  #block: Block;
  /** Size of the block. */
  #roomBytes: number;
  #filledBytes = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #failure: Error | null = null;

  constructor(writer: BlockWriter, position: number) {
    this.#writer = writer;
    this.#position = position;
    this.#block = writer.acquire();
    // A run that starts in the middle of a page ends its first block at a page's end, so that the others can be written past the page
    // cache.
    this.#roomBytes = blockBytes - (position % alignmentBytes);
  }

  /** Resolves when the piece has been copied. Rejects if an earlier one could not be written. */
  async add(piece: Uint8Array): Promise<void> {
    for (let rest = piece; rest.length > 0; ) {
      const part = rest.subarray(0, this.#roomBytes - this.#filledBytes);
      this.#block.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      rest = rest.subarray(part.length);
      if (this.#filledBytes === this.#roomBytes) {
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
    this.#assertWritten();
  }

  /** Resolves when no write is pending. Nothing may be added afterwards. */
  async settle(): Promise<void> {
    await this.#writing;
    this.#writer.release(this.#block);
  }

  async #flush(): Promise<void> {
    this.#assertWritten();
    const place = { sizeBytes: this.#filledBytes, position: this.#position };
    const { ended } = await this.#writer.startWrite(this.#block, place, (error) => {
      this.#failure ??= error;
    });
    this.#writing = Promise.all([this.#writing, ended]);
    this.#position += this.#filledBytes;
    this.#filledBytes = 0;
    this.#roomBytes = blockBytes;
    this.#block = this.#writer.acquire();
  }

  #assertWritten(): void {
    if (this.#failure !== null) {
      throw this.#failure;
    }
  }
}
