import type { BlockPool } from "../../src/segments/blocks.ts";

/** How many blocks nobody has. */
export function idleBlocks(pool: BlockPool): number {
  const taken = [];
  for (let block = pool.acquireIdle(); block !== null; block = pool.acquireIdle()) {
    taken.push(block);
  }
  for (const block of taken) {
    pool.release(block);
  }
  return taken.length;
}
