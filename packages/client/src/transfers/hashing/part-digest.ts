import { createHash, type Hash } from "node:crypto";
import {
  fromHex,
  LeafHasher,
  type LeafSha256,
  leafSizeBytes,
  rootOf,
  type TreeHash,
  TreeHasher,
  toHex,
} from "@moraine/protocol";

/** The hashes to compute: downloads need the tree hash alone. */
export type Wanted = "tree" | "both";

export interface PartDigest {
  readonly treeHash: TreeHash;
  /** Linear SHA-256 in hex; empty unless it was requested. */
  readonly sha256: string;
}

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const leafSha256: LeafSha256 = { of: sha256, start: () => createHash("sha256") };

/** Keeps the digests of each mebibyte of bytes that come in pieces of any size. */
export class LeafDigests {
  readonly #digests: Uint8Array[] = [];
  readonly #hasher = new LeafHasher(leafSha256, (digest) => this.#digests.push(digest));

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** Returns the tree hash of all bytes from that leaf on. A last leaf that is not full ends with it. */
  treeHash(firstLeaf = 0): TreeHash {
    this.#hasher.end();
    return toHex(rootOf(this.#digests.slice(firstLeaf), sha256));
  }

  /** Forgets all bytes from that leaf on. */
  truncate(leafCount: number): void {
    this.#digests.length = leafCount;
    this.#hasher.discard();
  }
}

/** Computes both hashes in one pass over the bytes, whose pieces should be small enough to stay in the CPU's cache for the second hash. */
export class PartHasher {
  readonly #tree = new TreeHasher(sha256);
  readonly #leaves = new LeafHasher(leafSha256, (digest) => this.#tree.push(digest));
  readonly #linear: Hash | null;

  constructor(wanted: Wanted) {
    this.#linear = wanted === "both" ? createHash("sha256") : null;
  }

  update(bytes: Uint8Array): void {
    this.#leaves.update(bytes);
    this.#linear?.update(bytes);
  }

  digest(): PartDigest {
    this.#leaves.end();
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

/** Combines the tree hashes of parts, in order. All parts must have one size, a power of two of mebibytes; only the last may be shorter. */
export function combinedTreeHash(treeHashes: readonly string[]): TreeHash {
  const digests = treeHashes.map((treeHash) => fromHex(treeHash));
  return toHex(rootOf(digests, sha256));
}
