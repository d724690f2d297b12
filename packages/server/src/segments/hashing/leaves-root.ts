import { setImmediate } from "node:timers/promises";
import { type TreeHash, TreeHasher, toHex } from "@moraine/protocol";
import { digestLength, sha256 } from "../footer.ts";

/** About a millisecond of hashing: a segment of 4 GiB has 4,096 leaves, and other requests must not wait for all of them. */
const leavesPerStep = 512;

/** The tree hash over leaf hashes, joined, from the leaf `first` up to `end`. Lets other work run between steps. */
export async function rootOfLeaves(leaves: Uint8Array, first: number, end: number): Promise<TreeHash> {
  const tree = new TreeHasher(sha256);
  for (let leaf = first; leaf < end; leaf += 1) {
    if (leaf > first && (leaf - first) % leavesPerStep === 0) {
      await setImmediate();
    }
    tree.push(leaves.subarray(leaf * digestLength, (leaf + 1) * digestLength));
  }
  return toHex(tree.root());
}
