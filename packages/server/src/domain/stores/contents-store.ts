/** Figures of everything that is stored, whichever account it belongs to. */
export interface ContentsQueries {
  /** Adds up at most `limit` vaults in order of their ids, those after `afterId` (all, if null). */
  sumVaults(page: { afterId: string | null; limit: number }): Promise<VaultSum>;
  /** Counts rows that wait for work, by indices that have no other rows. */
  countWork(): Promise<WorkCounts>;
}

export interface VaultSum {
  readonly vaults: number;
  readonly archives: number;
  readonly sizeBytes: number;
  /** The id of the last vault; null when there was none. */
  readonly lastId: string | null;
}

export interface WorkCounts {
  readonly runningJobs: number;
  /** Jobs in progress that nobody runs: due, or due later. */
  readonly waitingJobs: number;
  readonly openUploads: number;
  /** Segments whose bytes are to be removed. */
  readonly deadSegments: number;
}
