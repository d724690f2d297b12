import { local } from "../transfer-errors.ts";
import type { BlockFile } from "./block-file.ts";

/** What is written at once; with less, waking threads costs more. */
export const blockBytes = 2 * 1024 ** 2;

/**
 * Blocks on their way to the disk at most, whatever the number of ranges. A disk pauses for a tenth of a second now and then,
 * and so does whoever fills the blocks; with so many neither has to wait for the other.
 */
const underWayMax = 16;

export type Block = Uint8Array<ArrayBuffer>;

/** Writes blocks of memory to a file, several at once, and has them filled again. */
export class BlockWriter {
  readonly #file: BlockFile;
  readonly #free: Block[] = [];
  /** None of them rejects. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(file: BlockFile) {
    this.#file = file;
  }

  /** One to fill: `begin` takes it back, or `giveBack`. */
  take(): Block {
    return this.#free.pop() ?? alignedBlock();
  }

  giveBack(block: Block): void {
    this.#free.push(block);
  }

  /**
   * Resolves when the first bytes of the block are on their way to that place, which may take until others have got there.
   * `ended` never rejects: `failed` is told.
   */
  async begin(
    block: Block,
    { sizeBytes, position }: { readonly sizeBytes: number; readonly position: number },
    failed: (error: Error) => void,
  ): Promise<{ readonly ended: Promise<void> }> {
    while (this.#underWay.size >= underWayMax) {
      await Promise.race(this.#underWay);
    }
    const ended = local(this.#file.write(block.subarray(0, sizeBytes), position))
      .catch(failed)
      .finally(() => {
        this.#underWay.delete(ended);
        this.giveBack(block);
      });
    this.#underWay.add(ended);
    return { ended };
  }
}

/** Memory that can be resized begins at a page, unlike other: what is written past the page cache must. */
const alignedBlock = (): Block => new Uint8Array(new ArrayBuffer(blockBytes, { maxByteLength: blockBytes }));
