import { createHash } from "node:crypto";
import { LeafHasher, type LeafSha256, leafSizeBytes, rootOf, type TreeHash, toHex } from "@moraine/protocol";
import { sha256 } from "../footer.ts";
import { DigestList } from "./digest-list.ts";

/** The hashes of a run of bytes that Glacier needs. */
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

/** Hashes at most a MiB: there the tree is one leaf, and all three hashes are the same. */
export function digestOfLeaf(bytes: Uint8Array): ContentDigest {
  if (bytes.length > leafSizeBytes) {
    throw new RangeError("A leaf is no longer than a MiB");
  }
  const leaf = sha256(bytes);
  const hex = toHex(leaf);
  return { sha256: hex, treeHash: hex, leaves: leaf };
}

/** Keeps the leaf hashes of bytes in pieces that need not end where leaves do. */
export class LeafHashes {
  readonly #digests: DigestList;
  readonly #hasher = new LeafHasher(leafSha256, (digest) => this.#digests.push(digest));

  /** @param leavesMax the leaves of the longest content that may follow; one more throws a RangeError. */
  constructor(leavesMax: number) {
    this.#digests = new DigestList(leavesMax);
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** Ends the last leaf. Nothing may follow. */
  digest(): { treeHash: TreeHash; leaves: Uint8Array<ArrayBuffer> } {
    this.#hasher.end();
    return { treeHash: toHex(rootOf(this.#digests, sha256)), leaves: this.#digests.join() };
  }
}

const leafSha256: LeafSha256 = { of: sha256, start: () => createHash("sha256") };
