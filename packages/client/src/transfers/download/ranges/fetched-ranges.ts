import { fromHex, type TreeHash, TreeHasher, toHex } from "@moraine/protocol";
import { sha256 } from "../../hashing/part-digest.ts";
import type { FetchedRange } from "./fetch-range.ts";

const hashBytes = 32;

/** The verification state of all ranges together. */
export interface RangeSummary {
  /** Returns the tree hash of the output, if the ranges are all of it, and have one size except the last. */
  treeHash(): TreeHash;
  /** Whether each range agreed with a checksum of its own. */
  readonly areProven: boolean;
}

/** Folds ranges, in order, into their tree hash, and keeps nothing else. */
export class RangeFold implements RangeSummary {
  readonly #tree = new TreeHasher(sha256);
  areProven = true;
  count = 0;

  add({ treeHash, proven }: FetchedRange): void {
    this.#tree.push(fromHex(treeHash));
    this.areProven &&= proven;
    this.count += 1;
  }

  treeHash(): TreeHash {
    return toHex(this.#tree.root());
  }
}

/**
 * Ranges by their index in the plan, in 33 bytes of memory each. Their tree hash is folded as they are added: at the end of a large output
 * it would take long.
 */
export class FetchedRanges implements RangeSummary {
  #hashes = Buffer.alloc(0);
  /** 0 for each range that is missing, 1 for one that is not verified, 2 for one that is. */
  #states = new Uint8Array(0);
  #unprovenCount = 0;
  #fold = new RangeFold();

  get areProven(): boolean {
    return this.#unprovenCount === 0;
  }

  has(index: number): boolean {
    return (this.#states[index] ?? 0) !== 0;
  }

  get(index: number): FetchedRange | undefined {
    return this.has(index) ? { treeHash: this.#hashOf(index), proven: this.#states[index] === 2 } : undefined;
  }

  set(index: number, { treeHash, proven }: FetchedRange): void {
    this.delete(index);
    this.#growTo(index + 1);
    this.#hashes.write(treeHash, index * hashBytes, "hex");
    this.#states[index] = proven ? 2 : 1;
    this.#unprovenCount += proven ? 0 : 1;
    this.#advance();
  }

  delete(index: number): void {
    if (!this.has(index)) {
      return;
    }
    this.#unprovenCount -= this.#states[index] === 1 ? 1 : 0;
    this.#states[index] = 0;
    if (index < this.#fold.count) {
      this.#fold = new RangeFold();
    }
  }

  treeHash(): TreeHash {
    this.#advance();
    return this.#fold.treeHash();
  }

  #advance(): void {
    for (let range = this.get(this.#fold.count); range !== undefined; range = this.get(this.#fold.count)) {
      this.#fold.add(range);
    }
  }

  #hashOf(index: number): string {
    return this.#hashes.toString("hex", index * hashBytes, (index + 1) * hashBytes);
  }

  #growTo(count: number): void {
    if (count <= this.#states.length) {
      return;
    }
    const capacity = Math.max(count, 2 * this.#states.length, 64);
    const hashes = Buffer.alloc(capacity * hashBytes);
    this.#hashes.copy(hashes);
    this.#hashes = hashes;
    const states = new Uint8Array(capacity);
    states.set(this.#states);
    this.#states = states;
  }
}
