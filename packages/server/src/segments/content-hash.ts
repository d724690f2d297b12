import { createHash } from "node:crypto";
import { type Digest, leafSizeBytes, type TreeHash, TreeHasher, toHex } from "@moraine/protocol";
import { sha256 } from "./footer.ts";

/** What Glacier wants to know of a run of bytes. */
export interface ContentDigest {
  /** Linear SHA-256, lower-case hex. */
  readonly sha256: string;
  readonly treeHash: TreeHash;
  /** One SHA-256 for each MiB, joined. */
  readonly leaves: Uint8Array;
}

/** Hashes a run of bytes as it passes. */
export interface ContentHash {
  /** Takes the next bytes; resolves when they may be reused. */
  update(bytes: Uint8Array): Promise<void>;
  digest(): Promise<ContentDigest>;
  /** Gives up; never throws. */
  abandon(): void;
}

/** Of at most a MiB: there the tree is one leaf, and all three hashes are the same. */
export function digestOfLeaf(bytes: Uint8Array): ContentDigest {
  if (bytes.length > leafSizeBytes) {
    throw new RangeError("A leaf is no longer than a MiB");
  }
  const leaf = sha256(bytes);
  const hex = toHex(leaf);
  return { sha256: hex, treeHash: hex, leaves: leaf };
}

/** Leaf hashes of bytes in pieces that need not end where leaves do. */
export class LeafHasher {
  readonly #leaves: Digest[] = [];
  #leaf = createHash("sha256");
  #leafBytes = 0;

  update(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const piece = rest.subarray(0, leafSizeBytes - this.#leafBytes);
      this.#leaf.update(piece);
      this.#leafBytes += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#leafBytes === leafSizeBytes) {
        this.#endLeaf();
      }
    }
  }

  /** Ends the last leaf. */
  digest(): { treeHash: TreeHash; leaves: Uint8Array } {
    if (this.#leafBytes > 0) {
      this.#endLeaf();
    }
    const tree = new TreeHasher(sha256);
    for (const leaf of this.#leaves) {
      tree.push(leaf);
    }
    return { treeHash: toHex(tree.root()), leaves: Buffer.concat(this.#leaves) };
  }

  #endLeaf(): void {
    this.#leaves.push(this.#leaf.digest());
    this.#leaf = createHash("sha256");
    this.#leafBytes = 0;
  }
}
