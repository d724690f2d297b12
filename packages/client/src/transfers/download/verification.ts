import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { Progress } from "../progress.ts";
import { UnverifiableError, VerificationError } from "../transfer-errors.ts";
import type { FetchedRange } from "./fetch-range.ts";
import type { RangeSummary } from "./fetched-ranges.ts";
import type { OutputFacts } from "./output-facts.ts";
import { areNodes } from "./ranges.ts";

/**
 * By what an output was found right: the tree hash of the whole, the checksum of each of its ranges, the size alone (of
 * inventories, for which the service gives no checksum), or, if the caller accepted it, nothing.
 */
export type VerifiedBy = "whole" | "ranges" | "size" | "nothing";

export interface VerificationOptions {
  /** Tree hash of the whole output, where the caller knows it; the service's own knowledge has to agree. */
  readonly treeHash?: string | undefined;
  /** Take an archive's bytes also where nothing can tell whether they are right. @default false */
  readonly acceptUnverified?: boolean | undefined;
}

/** How the output, or the part of it that is wanted, can be verified; decided before a byte is fetched. */
export class Verification {
  readonly #facts: OutputFacts;
  readonly #isWhole: boolean;
  readonly #acceptUnverified: boolean;
  /** Of the whole; null when it is not known or not wanted. */
  readonly #expected: string | null;

  /** Throws UnverifiableError when there is nothing to go by, and VerificationError when the service knows another hash. */
  constructor(facts: OutputFacts, wanted: ByteRange, { treeHash, acceptUnverified = false }: VerificationOptions) {
    this.#facts = facts;
    this.#acceptUnverified = acceptUnverified;
    this.#isWhole = rangeLength(wanted) === facts.sizeBytes;
    const known = treeHash?.toLowerCase() ?? null;
    if (known !== null && facts.treeHash !== null && known !== facts.treeHash) {
      const advice = "So says the service itself; nothing was fetched.";
      throw new VerificationError({ range: null, expected: known, computed: facts.treeHash }, advice);
    }
    this.#expected = this.#isWhole ? (known ?? facts.treeHash) : null;
    const haveChecksums = facts.treeHash !== null && areNodes(wanted, facts.sizeBytes);
    if (!haveChecksums) {
      this.#demandOther(
        "The service has no checksum for a range like this: it starts or ends within a node of the tree",
      );
    }
  }

  /** Whether a range may be passed on before the others are there; throws UnverifiableError if not. */
  assertPassable(range: ByteRange, { proven }: FetchedRange, progress: Progress): void {
    if (proven || this.#facts.archiveId === null) {
      return;
    }
    const message = "The server gives no checksum for a range, so it cannot be verified before it is passed on";
    if (!this.#acceptUnverified) {
      throw new UnverifiableError(`${message}; download to a file, which is verified as a whole`);
    }
    progress.tell({ kind: "warning", code: "no-checksum", range, message });
  }

  /**
   * Judges all ranges together. Null when the whole is wrong and `unproven` ranges may be to blame.
   * Throws VerificationError when none may, and UnverifiableError.
   */
  judge(ranges: RangeSummary, progress: Progress): VerifiedBy | null {
    if (this.#expected !== null) {
      return this.#judgeWhole(ranges, this.#expected);
    }
    if (this.#facts.archiveId === null) {
      return "size";
    }
    if (ranges.areProven) {
      return "ranges";
    }
    const message = "The server gave no checksum by which the bytes could be verified";
    this.#demandOther(message);
    progress.tell({ kind: "warning", code: "unverified", message });
    return "nothing";
  }

  /** What to throw when `judge` has said null twice. */
  failure(ranges: RangeSummary): VerificationError {
    const computed = ranges.treeHash();
    const advice = ranges.areProven
      ? "Each range agrees with its own checksum, so the server contradicts itself; remove the partial file to start over."
      : "The ranges without a checksum of their own were fetched twice; the next run fetches them again.";
    return new VerificationError({ range: null, expected: this.#expected ?? "", computed }, advice);
  }

  #judgeWhole(ranges: RangeSummary, expected: string): VerifiedBy | null {
    return ranges.treeHash() === expected ? "whole" : null;
  }

  #demandOther(problem: string): void {
    if (this.#expected === null && this.#facts.archiveId !== null && !this.#acceptUnverified) {
      throw new UnverifiableError(`${problem}. Accept unverified bytes if that does not matter`);
    }
  }
}
