import { type Digest, fromHex, leafSizeBytes, TreeFolder, toHex } from "@moraine/protocol";
import { type Platform, webPlatform } from "./platform.ts";

/**
 * Computes Glacier's tree hash of a stream in 1 MiB of memory: `await hash.update(bytes)` for each piece, in order and of any size, then
 * `await hash.digest()`.
 */
export class TreeHash {
  readonly #sha256: Platform["sha256"];
  readonly #tree: TreeFolder<Digest | Promise<Digest>>;
  readonly #leaf = new Uint8Array(leafSizeBytes);
  #filledBytes = 0;

  constructor(sha256: Platform["sha256"] = webPlatform.sha256) {
    this.#sha256 = sha256;
    this.#tree = treeOf(sha256);
  }

  /** Resolves when the bytes may be changed and the next piece may be given. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#filledBytes === 0 && rest.length >= leafSizeBytes) {
        this.#tree.push(await this.#sha256(rest.subarray(0, leafSizeBytes)));
        rest = rest.subarray(leafSizeBytes);
        continue;
      }
      const piece = rest.subarray(0, leafSizeBytes - this.#filledBytes);
      this.#leaf.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#filledBytes === leafSizeBytes) {
        await this.#endLeaf();
      }
    }
  }

  /** Returns the hash of all bytes, 64 lowercase hexadecimal digits. Nothing may be added afterwards. */
  async digest(): Promise<string> {
    if (this.#filledBytes > 0) {
      await this.#endLeaf();
    }
    return toHex(await (this.#tree.root() ?? this.#sha256(new Uint8Array(0))));
  }

  async #endLeaf(): Promise<void> {
    this.#tree.push(await this.#sha256(this.#leaf.subarray(0, this.#filledBytes)));
    this.#filledBytes = 0;
  }

  /**
   * Combines the tree hashes of an archive's parts, in order, into the archive's. All parts must have one size, a power of two of MiB; only
   * the last may be shorter. Throws a TypeError without parts, or for a string that is no tree hash.
   */
  static async ofParts(hashes: Iterable<string>, sha256: Platform["sha256"] = webPlatform.sha256): Promise<string> {
    const tree = treeOf(sha256);
    for (const hash of hashes) {
      tree.push(fromHex(hash));
    }
    const root = tree.root();
    if (root === undefined) {
      throw new TypeError("An archive has at least one part");
    }
    return toHex(await root);
  }
}

function treeOf(sha256: Platform["sha256"]): TreeFolder<Digest | Promise<Digest>> {
  return new TreeFolder(async (left, right) => {
    const pair = new Uint8Array(64);
    pair.set(await left, 0);
    pair.set(await right, 32);
    return sha256(pair);
  });
}
