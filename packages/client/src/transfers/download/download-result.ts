import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { Progress, TransferTotals } from "../progress.ts";
import type { FetchedRanges } from "./ranges/fetched-ranges.ts";
import type { VerifiedBy } from "./verification.ts";

export interface DownloadResult extends TransferTotals {
  readonly sizeBytes: number;
  /** The tree hash of the bytes as they were written; null for a part of an output. */
  readonly treeHash: string | null;
  readonly verifiedBy: VerifiedBy;
  /** Whether the target was complete before, so that nothing was downloaded. */
  readonly alreadyComplete: boolean;
}

/** Returns the result of a download whose ranges have all been verified. */
export function resultOf(
  { wanted, facts, progress }: { wanted: ByteRange; facts: { readonly sizeBytes: number }; progress: Progress },
  ranges: FetchedRanges,
  { verifiedBy, alreadyComplete = false }: { verifiedBy: VerifiedBy; alreadyComplete?: boolean },
): DownloadResult {
  const sizeBytes = rangeLength(wanted);
  const treeHash = sizeBytes === facts.sizeBytes ? ranges.treeHash() : null;
  return { sizeBytes, treeHash, verifiedBy, alreadyComplete, ...progress.totals };
}
