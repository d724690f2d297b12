import { local } from "../../transfer-errors.ts";
import type { BlockFile } from "./block-file.ts";

/** The size of a write. For smaller ones, waking threads takes more time in all. */
export const blockBytes = 2 * 1024 ** 2;

/**
 * The maximum of blocks being written, whatever the number of ranges. Disks pause for a tenth of a second now and then, and so do the
 * writers' sources. This many blocks keep either from waiting for the other.
 */
const underWayMax = 16;

export type Block = Uint8Array<ArrayBuffer>;

/** Writes blocks of memory to a file, several at once, and reuses them. */
export class BlockWriter {
  readonly #file: BlockFile;
  readonly #free: Block[] = [];
  /** Pending writes, none of which rejects. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(file: BlockFile) {
    this.#file = file;
  }

  /** Returns a block to fill. Give it back by `startWrite` or `release`. */
  acquire(): Block {
    return this.#free.pop() ?? alignedBlock();
  }

  release(block: Block): void {
    this.#free.push(block);
  }

  /**
   * Starts to write the first bytes of the block, after waiting while too many others are being written. `ended` never rejects; `failed` is
   * called instead.
   */
  async startWrite(
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
        this.release(block);
      });
    this.#underWay.add(ended);
    return { ended };
  }
}

/** Allocates memory that begins at a page, as writing past the page cache requires: resizable memory does. */
const alignedBlock = (): Block => new Uint8Array(new ArrayBuffer(blockBytes, { maxByteLength: blockBytes }));
