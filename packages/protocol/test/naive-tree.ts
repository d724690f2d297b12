import { hash } from "node:crypto";
import type { Digest } from "@moraine/protocol";

// The tree hash as the developer guide words it, level by level with all nodes kept: slow, and shared with no code of ours.

export const sha256 = (bytes: Uint8Array): Digest => hash("sha256", bytes, "buffer");

/** A node covers the leaves from `first` up to, not including, `end`. */
export interface Node {
  readonly digest: Digest;
  readonly first: number;
  readonly end: number;
}

/** All nodes over the leaves; the last is the root. */
export function allNodes(leaves: readonly Digest[]): Node[] {
  let level: Node[] = leaves.map((digest, index) => ({ digest, first: index, end: index + 1 }));
  const nodes = [...level];
  while (level.length > 1) {
    const next: Node[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = level.slice(index, index + 2);
      if (left === undefined) continue;
      if (right === undefined) next.push(left);
      else {
        const parent = {
          digest: sha256(Buffer.concat([left.digest, right.digest])),
          first: left.first,
          end: right.end,
        };
        next.push(parent);
        nodes.push(parent);
      }
    }
    level = next;
  }
  return nodes;
}

export function naiveRoot(leaves: readonly Digest[]): Digest {
  return allNodes(leaves).at(-1)?.digest ?? sha256(new Uint8Array(0));
}

/** Digests that are all different: the number is the content. */
export function countedLeaves(count: number): Digest[] {
  return Array.from({ length: count }, (_, index) => sha256(Buffer.from(`leaf ${index}`)));
}
