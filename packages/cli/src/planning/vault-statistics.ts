/** The contents of a vault in numbers. */
export interface VaultStatistics {
  /** When the service has counted them; null if that is not known. */
  readonly asOf: Date | null;
  readonly archives: number;
  /** Bytes of the archives alone: no retrieval has their overhead, which is only stored. */
  readonly bytes: number;
  /** Null when only the sums are known, because there is no catalogue. */
  readonly details: StatisticsDetails | null;
}

export interface StatisticsDetails {
  readonly sizes: readonly SizeStep[];
  readonly largestBytes: number;
  readonly names: NameStatistics;
  /** Archives that have been stored for less than the minimum time, and each one's billed bytes times the days that it lacks. */
  readonly early: { readonly archives: number; readonly missingByteDays: number };
  /** Archives that are larger than all that may be retrieved in an hour. A rescue with this limit leaves them out. */
  readonly overHourlyLimit: { readonly archives: number; readonly bytes: number };
  /** The bytes of all archives, each rounded up to whole blocks of the target's file system. */
  readonly bytesInBlocks: number;
  readonly uploads: UploadCounts;
}

/** Archives by the way in which a bucket or vault stores them. */
export interface UploadCounts {
  readonly inOneRequest: number;
  readonly inParts: number;
  /** Parts of the latter together. */
  readonly parts: number;
}

/** Archives of a range of sizes. */
export interface SizeStep {
  /** The first size above the step; null for the last. */
  readonly belowBytes: number | null;
  readonly archives: number;
  readonly bytes: number;
}

/** Counts of names by what has to be decided about them. An archive may count in several. */
export interface NameStatistics {
  /** By the format of the description, the most frequent first. */
  readonly formats: readonly { readonly format: string; readonly archives: number }[];
  readonly decisions: readonly NameDecision[];
}

export interface NameDecision {
  readonly kind: NameDecisionKind;
  readonly archives: number;
  /** Some of them, as they are in the vault. */
  readonly examples: readonly string[];
}

/** In the order in which they are shown. */
export const nameDecisionKinds = ["duplicate", "unsafe", "too-long", "nameless", "noted"] as const;
export type NameDecisionKind = (typeof nameDecisionKinds)[number];
