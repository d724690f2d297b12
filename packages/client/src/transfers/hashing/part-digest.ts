import { createHash, type Hash } from "node:crypto";
import { fromHex, leafSizeBytes, rootOf, type TreeHash, TreeHasher, toHex } from "@moraine/protocol";

/** What is to be computed: downloads need the tree hash alone. */
export type Wanted = "tree" | "both";

export interface PartDigest {
  readonly treeHash: TreeHash;
  /** Linear SHA-256 in hex; empty unless it was wanted. */
  readonly sha256: string;
}

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** The digests of each mebibyte of bytes that come in pieces of any size. */
export class LeafDigests {
  readonly #digests: Uint8Array[] = [];
  #leaf = createHash("sha256");
  #leafBytes = 0;

  update(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      const piece = rest.subarray(0, leafSizeBytes - this.#leafBytes);
      this.#leaf.update(piece);
      this.#leafBytes += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#leafBytes === leafSizeBytes) {
        this.#endLeaf();
      }
    }
  }

  /** Returns the tree hash of all bytes from that leaf on. A last leaf that is not full ends with it. */
  treeHash(firstLeaf = 0): TreeHash {
    if (this.#leafBytes > 0) {
      this.#endLeaf();
    }
    return toHex(rootOf(this.#digests.slice(firstLeaf), sha256));
  }

  /** Forgets all bytes from that leaf on. */
  truncate(leafCount: number): void {
    this.#digests.length = leafCount;
    this.#leaf = createHash("sha256");
    this.#leafBytes = 0;
  }

  #endLeaf(): void {
    this.#digests.push(this.#leaf.digest());
    this.#leaf = createHash("sha256");
    this.#leafBytes = 0;
  }
}

/** Both hashes in one pass over the bytes, which come in pieces of a mebibyte but for the last. */
export class PartHasher {
  readonly #tree = new TreeHasher(sha256);
  readonly #linear: Hash | null;

  constructor(wanted: Wanted) {
    this.#linear = wanted === "both" ? createHash("sha256") : null;
  }

  update(leaf: Uint8Array): void {
    this.#tree.push(sha256(leaf));
    this.#linear?.update(leaf);
  }

  digest(): PartDigest {
    return { treeHash: toHex(this.#tree.root()), sha256: this.#linear?.digest("hex") ?? "" };
  }
}

export function digestOfBytes(bytes: Uint8Array, wanted: Wanted): PartDigest {
  const hasher = new PartHasher(wanted);
  for (let start = 0; start < bytes.length; start += leafSizeBytes) {
    hasher.update(bytes.subarray(start, start + leafSizeBytes));
  }
  return hasher.digest();
}

/** Of content in pieces that are all of one power of two of mebibytes but the last, from their tree hashes in order. */
export function combinedTreeHash(treeHashes: readonly string[]): TreeHash {
  const digests = treeHashes.map((treeHash) => fromHex(treeHash));
  return toHex(rootOf(digests, sha256));
}
