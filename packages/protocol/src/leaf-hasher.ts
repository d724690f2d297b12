import { type Digest, leafSizeBytes, type Sha256 } from "./tree-hash.ts";

/** A SHA-256 that grows with its bytes. It must not keep them, for they are reused. */
export interface RunningSha256 {
  update(bytes: Uint8Array): unknown;
  digest(): Digest;
}

/** The hash of the environment, in both of its forms. */
export interface LeafSha256 {
  /** Hashes bytes that are all at hand. */
  readonly of: Sha256;
  start(): RunningSha256;
}

/** Hashes each leaf of content that arrives in pieces of any size, and passes its digest on. */
export class LeafHasher {
  readonly #sha256: LeafSha256;
  readonly #onLeaf: (digest: Digest) => void;
  /** The partial leaf; null between two leaves. */
  #leaf: RunningSha256 | null = null;
  #leafBytes = 0;

  constructor(sha256: LeafSha256, onLeaf: (digest: Digest) => void) {
    this.#sha256 = sha256;
    this.#onLeaf = onLeaf;
  }

  update(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      const piece = rest.subarray(0, leafSizeBytes - this.#leafBytes);
      this.#add(piece);
      rest = rest.subarray(piece.length);
    }
  }

  /** Ends the last leaf, which may be short. Content that follows begins a leaf. */
  end(): void {
    if (this.#leaf !== null) {
      this.#onLeaf(this.#leaf.digest());
      this.discard();
    }
  }

  /** Forgets the bytes of the partial leaf. */
  discard(): void {
    this.#leaf = null;
    this.#leafBytes = 0;
  }

  #add(piece: Uint8Array): void {
    if (piece.length === leafSizeBytes) {
      this.#onLeaf(this.#sha256.of(piece));
      return;
    }
    this.#leaf ??= this.#sha256.start();
    this.#leaf.update(piece);
    this.#leafBytes += piece.length;
    if (this.#leafBytes === leafSizeBytes) {
      this.end();
    }
  }
}
