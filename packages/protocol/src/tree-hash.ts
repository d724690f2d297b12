import type { ByteRange } from "./byte-range.ts";
import type { TreeHash } from "./ids.ts";

/** 32 bytes. */
export type Digest = Uint8Array;
/** The hash of the environment: Node's and a browser's differ. It must not keep the bytes, for they are reused. */
export type Sha256 = (bytes: Uint8Array) => Digest;

/** Content is hashed in pieces of this size, from its start; only the last may be smaller. */
export const leafSizeBytes = 1024 * 1024;

/**
 * Joins nodes into a tree, pushed in order, in memory that grows with the logarithm of their number. What a node is, and how
 * two become their parent, is the caller's: a digest, or the promise of one.
 *
 * Glacier developer guide: neighbours are joined in pairs, level by level; an odd one at the end goes up unchanged.
 */
export class TreeFolder<Node> {
  readonly #join: (left: Node, right: Node) => Node;
  /** Roots of complete subtrees, each of fewer leaves than the one before it. */
  readonly #subtrees: { node: Node; height: number }[] = [];

  constructor(join: (left: Node, right: Node) => Node) {
    this.#join = join;
  }

  push(node: Node): void {
    let subtree = { node, height: 0 };
    for (let left = this.#subtrees.at(-1); left?.height === subtree.height; left = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      subtree = { node: this.#join(left.node, subtree.node), height: subtree.height + 1 };
    }
    this.#subtrees.push(subtree);
  }

  /** The root of what has been pushed so far; more may follow. Undefined without any leaf. */
  root(): Node | undefined {
    const nodes = this.#subtrees.map(({ node }) => node);
    return nodes.length === 0 ? undefined : nodes.reduceRight((right, left) => this.#join(left, right));
  }
}

/**
 * Builds the root of a tree from the digests of its leaves. The roots of complete subtrees serve as well, if all hold the same
 * power of two of leaves and only the last holds fewer: so part hashes make an archive's hash without its bytes.
 */
export class TreeHasher {
  readonly #sha256: Sha256;
  readonly #pair = new Uint8Array(64);
  readonly #tree = new TreeFolder<Digest>((left, right) => this.#parent(left, right));

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Keeps the digest itself, not a copy. */
  push(digest: Digest): void {
    this.#tree.push(digest);
  }

  /** The root of what has been pushed so far; more may follow. Without any leaf it is the hash of empty content. */
  root(): Digest {
    return this.#tree.root() ?? this.#sha256(new Uint8Array(0));
  }

  #parent(left: Digest, right: Digest): Digest {
    this.#pair.set(left, 0);
    this.#pair.set(right, 32);
    return this.#sha256(this.#pair);
  }
}

/** The root over digests that are all at hand; see {@link TreeHasher}. */
export function rootOf(digests: Iterable<Digest>, sha256: Sha256): Digest {
  const hasher = new TreeHasher(sha256);
  for (const digest of digests) hasher.push(digest);
  return hasher.root();
}

/** Number of leaves of content of that size; none for empty content. */
export function leafCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / leafSizeBytes);
}

/**
 * Whether the range's own tree hash is a node of the tree over the whole archive of `sizeBytes`; only then does the
 * service give a range's checksum. The guide's printed formula is garbled, its definition is not: the leaves
 * from P up to Q make a node when, for some span 2^L that divides P, Q = min(P + 2^L, leaves of the archive).
 *
 * Plain arithmetic on purpose: bit operators would cut offsets beyond 4 GiB.
 */
export function isTreeHashAligned(range: ByteRange, sizeBytes: number): boolean {
  const { firstByte, lastByte } = range;
  const endByte = lastByte + 1;
  if (firstByte < 0 || firstByte > lastByte || endByte > sizeBytes) return false;
  if (firstByte % leafSizeBytes !== 0) return false;
  if (endByte % leafSizeBytes !== 0 && endByte !== sizeBytes) return false;
  return isNode(firstByte / leafSizeBytes, leafCount(endByte), leafCount(sizeBytes));
}

function isNode(firstLeaf: number, endLeaf: number, leaves: number): boolean {
  for (let span = 1; firstLeaf % span === 0; span *= 2) {
    if (Math.min(firstLeaf + span, leaves) === endLeaf) return true;
    if (firstLeaf + span >= leaves) return false;
  }
  return false;
}

export function toHex(digest: Digest): TreeHash {
  let text = "";
  for (const byte of digest) text += byte.toString(16).padStart(2, "0");
  return text as TreeHash;
}

/** Reads 64 hexadecimal digits of either case; anything else throws a TypeError, so check what came from outside. */
export function fromHex(text: string): Digest {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new TypeError("a digest has 64 hexadecimal digits");
  return Uint8Array.from({ length: 32 }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

/**
 * Whether a checksum header can be read as bytes at all. If not, it is refused with "Invalid x-amz-sha256-tree-hash";
 * bytes of the wrong number are merely a checksum that does not match.
 */
export function isHexBytes(text: string): boolean {
  return /^(?:[0-9a-f]{2})+$/i.test(text);
}
