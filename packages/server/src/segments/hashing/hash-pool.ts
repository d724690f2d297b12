import { leafCount, type TreeHash } from "@moraine/protocol";
import { InvariantError } from "../../domain/invariant.ts";
import type { ContentDigest, ContentHash } from "./content-hash.ts";
import { HashLane, type LaneLoad, type Leaves } from "./hash-lane.ts";

/**
 * Hashes on other threads. A body's linear hash and its leaf hashes run on different ones: each alone is as fast as a
 * core can hash, so a body is received at that speed and not at half of it.
 */
export class HashPool {
  readonly #lanes: HashLane[];

  /** @param threads 1 or more; two bodies may share one. @param onFailure called when a thread dies: nothing can be hashed then. */
  constructor(threads: number, onFailure: (error: Error) => void) {
    this.#lanes = Array.from({ length: threads }, () => new HashLane(onFailure));
  }

  /** The work of each thread. */
  get loads(): readonly LaneLoad[] {
    return this.#lanes.map((lane) => lane.load);
  }

  /**
   * Begins a body. What lies in shared memory is read where it lies, anything else is copied.
   * @param sizeBytesMax of the body: bytes beyond it are refused with a RangeError, since its leaf hashes are kept until it ends.
   */
  start(sizeBytesMax: number): ContentHash {
    const [linear, leaves] = this.#startBoth(leafCount(sizeBytesMax));
    let sizeBytes = 0;
    return {
      async update(bytes) {
        sizeBytes += bytes.length;
        if (sizeBytes > sizeBytesMax) {
          throw new RangeError(`The body has ${sizeBytes} bytes or more, but ${sizeBytesMax} is the limit`);
        }
        await Promise.all([linear.update(bytes), leaves.update(bytes)]);
      },
      async digest(): Promise<ContentDigest> {
        const [sha256, tree] = await Promise.all([linear.digest(), leaves.digest()]);
        const { treeHash, leaves: joined } = tree as Leaves;
        return { sha256: sha256 as string, treeHash: treeHash as TreeHash, leaves: joined };
      },
      abandon() {
        linear.abandon();
        leaves.abandon();
      },
    };
  }

  /**
   * SHA-256 of bytes that are all at hand, in hexadecimal, from the thread with the shortest queue. What lies in shared memory
   * is read where it lies, anything else is copied. The caller must not change the bytes before it resolves.
   */
  sha256(bytes: Uint8Array): Promise<string> {
    const [first, ...others] = this.#lanes;
    if (first === undefined) {
      throw new InvariantError("a pool has threads");
    }
    return others
      .reduce((idlest, lane) => (lane.queuedBytes < idlest.queuedBytes ? lane : idlest), first)
      .sha256(bytes);
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** On the two threads with the least work; of these, the leaves on the one that keeps fewer of them. */
  #startBoth(leavesMax: number): [ReturnType<HashLane["start"]>, ReturnType<HashLane["start"]>] {
    const [idlest, next = idlest] = this.#lanes.toSorted((one, other) => compareLoads(one.load, other.load));
    if (idlest === undefined || next === undefined) {
      throw new InvariantError("a pool has threads");
    }
    const [leavesLane, linearLane] = next.load.leaves < idlest.load.leaves ? [next, idlest] : [idlest, next];
    return [linearLane.start("linear", 0), leavesLane.start("leaves", leavesMax)];
  }
}

/** By bodies first: they stay on their threads to their end, while a queue is short whenever its clients are slow. */
function compareLoads(one: LaneLoad, other: LaneLoad): number {
  return one.linear + one.leaves - (other.linear + other.leaves) || one.queuedBytes - other.queuedBytes;
}
