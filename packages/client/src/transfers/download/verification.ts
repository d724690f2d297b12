import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { Progress } from "../progress.ts";
import { UnverifiableError, VerificationError } from "../transfer-errors.ts";
import type { OutputFacts } from "./output-facts.ts";
import type { FetchedRange } from "./ranges/fetch-range.ts";
import type { RangeSummary } from "./ranges/fetched-ranges.ts";
import { areNodes } from "./ranges/ranges.ts";

/**
 * The evidence by which an output was verified: the tree hash of all of it, the checksum of each range, only the size (of inventories, for
 * which there are no checksums), or, if the caller accepted that, nothing.
 */
export type VerifiedBy = "whole" | "ranges" | "size" | "nothing";

export interface VerificationOptions {
  /** Tree hash of the entire output, if the caller knows it. The service's must be the same. */
  readonly treeHash?: string | undefined;
  /** Accepts an archive's bytes even if no checksum can verify them. @default false */
  readonly acceptUnverified?: boolean | undefined;
}

/** Verifies an output, or the wanted part of it. The constructor decides how, before a byte is fetched. */
export class Verification {
  readonly #facts: OutputFacts;
  readonly #isWhole: boolean;
  readonly #acceptUnverified: boolean;
  /** Tree hash of the entire output; null if it is not known, or only a part is wanted. */
  readonly #expected: string | null;

  /** Throws UnverifiableError if there is no checksum, and VerificationError if the service has another hash than the caller. */
  constructor(facts: OutputFacts, wanted: ByteRange, { treeHash, acceptUnverified = false }: VerificationOptions) {
    this.#facts = facts;
    this.#acceptUnverified = acceptUnverified;
    this.#isWhole = rangeLength(wanted) === facts.sizeBytes;
    const known = treeHash?.toLowerCase() ?? null;
    if (known !== null && facts.treeHash !== null && known !== facts.treeHash) {
      const advice = "The service reported this hash; nothing was fetched.";
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

  /** Throws UnverifiableError if a range must not be passed on before the others are received. */
  assertPassable(range: ByteRange, { proven }: FetchedRange, progress: Progress): void {
    if (proven || this.#facts.archiveId === null) {
      return;
    }
    const message = "The server gives no checksum for a range, so it cannot be verified before it is passed on";
    if (!this.#acceptUnverified) {
      throw new UnverifiableError(`${message}; download to a file, which is verified as a whole`);
    }
    progress.emit({ kind: "warning", code: "no-checksum", range, message });
  }

  /** Judges all ranges together. Returns null if the entire output is wrong. Throws UnverifiableError if no checksum can verify it. */
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
    progress.emit({ kind: "warning", code: "unverified", message });
    return "nothing";
  }

  /** Returns the error to throw when `judge` has returned null for the second time. */
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
