import type { AuditAnchor } from "./audit-anchor.ts";
import { type AuditRow, auditText, type ChainPlace, pruningOperation, pruningSubject } from "./audit-chain.ts";

/** Result of a check of a trail. */
export interface AuditCheckResult {
  /** Each names what is wrong and where; empty when the chain holds. At most `findingsMax`. */
  readonly findings: readonly string[];
  /** All that was found, listed or not. */
  readonly findingCount: number;
  readonly entryCount: number;
  /** The last entry; the start of the trail when it is empty. */
  readonly head: ChainPlace;
  readonly anchorsHeld: number;
  /** Anchors of entries that have been pruned since, which nothing can be held against. */
  readonly anchorsPruned: number;
}

const findingsMax = 100;

/** The place that an anchor names. Its signature has been verified. */
export type AnchoredPlace = Pick<AuditAnchor, "Sequence" | "Hash" | "Time">;

/** Follows a chain entry by entry, in constant memory. */
export class AuditChainCheck {
  readonly #sha256: (text: string) => string;
  readonly #start: ChainPlace;
  readonly #anchors = new Map<number, AnchoredPlace[]>();
  readonly #findings: string[] = [];
  #findingCount = 0;
  #entryCount = 0;
  #anchorsHeld = 0;
  #anchorsPruned = 0;
  #isStartExplained: boolean;
  #last: ChainPlace;

  /**
   * @param sha256 gives lower-case hex.
   * @param start the last entry that was pruned; `chainOrigin` when none was.
   */
  constructor(sha256: (text: string) => string, start: ChainPlace, anchors: readonly AnchoredPlace[] = []) {
    this.#sha256 = sha256;
    this.#start = start;
    this.#last = start;
    this.#isStartExplained = start.sequence === 0;
    for (const anchor of anchors) {
      if (anchor.Sequence < start.sequence) {
        this.#anchorsPruned += 1;
      } else {
        this.#anchors.set(anchor.Sequence, [...(this.#anchors.get(anchor.Sequence) ?? []), anchor]);
      }
    }
    this.#compareWithAnchors(start);
  }

  push(row: AuditRow): void {
    const { sequence, hash } = this.#last;
    this.#entryCount += 1;
    if (row.sequence <= sequence) {
      this.#found(`entry ${row.sequence} is out of order: it stands after entry ${sequence}`);
    } else if (row.sequence > sequence + 1) {
      const range =
        row.sequence === sequence + 2
          ? `entry ${sequence + 1} is`
          : `entries ${sequence + 1} to ${row.sequence - 1} are`;
      this.#found(`${range} missing`);
    } else if (this.#sha256(auditText(hash, row)) !== row.hash) {
      this.#found(`entry ${row.sequence} was changed, or does not follow entry ${sequence}`);
    }
    if (row.operation === pruningOperation && row.subject === pruningSubject(this.#start)) {
      this.#isStartExplained = true;
    }
    this.#last = row;
    this.#compareWithAnchors(row);
  }

  finish(): AuditCheckResult {
    if (!this.#isStartExplained) {
      this.#found(
        `the trail begins after entry ${this.#start.sequence}, but no entry says that those before were pruned`,
      );
    }
    for (const [sequence, anchors] of this.#anchors) {
      for (const { Time } of anchors) {
        this.#found(
          `entry ${sequence} is missing: an anchor of ${Time} names it, and the trail ends at entry ${this.#last.sequence}`,
        );
      }
    }
    return {
      findings: this.#findings,
      findingCount: this.#findingCount,
      entryCount: this.#entryCount,
      head: { sequence: this.#last.sequence, hash: this.#last.hash },
      anchorsHeld: this.#anchorsHeld,
      anchorsPruned: this.#anchorsPruned,
    };
  }

  #compareWithAnchors({ sequence, hash }: ChainPlace): void {
    for (const { Hash, Time } of this.#anchors.get(sequence) ?? []) {
      if (Hash === hash) {
        this.#anchorsHeld += 1;
      } else {
        this.#found(`entry ${sequence} is not the one that an anchor of ${Time} names`);
      }
    }
    this.#anchors.delete(sequence);
  }

  #found(finding: string): void {
    this.#findingCount += 1;
    if (this.#findings.length < findingsMax) {
      this.#findings.push(finding);
    }
  }
}
