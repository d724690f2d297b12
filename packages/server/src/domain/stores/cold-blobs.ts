import type { Tier } from "../jobs/job.ts";

/** Blobs that lie in a class of the store from which they have to be restored before they can be read. */
export interface ColdBlobs {
  /** Whether there may be any: the settings say so, or a read has met one. */
  readonly areExpected: boolean;
  /** The length of a blob, cold or not. Rejects as `open` does. */
  sizeOf(key: string): Promise<number>;
  /**
   * Asks the store to restore those that need it, and to keep restored copies for long enough. Resolves to whether all of them can be read now,
   * for as long; one that is missing counts as readable, since reading reports it. Rejects with `BlobStoreUnavailableError` when the store
   * refuses; it can be called again at any time.
   */
  restore(keys: readonly string[], how: { readonly tier: Tier; readonly milliseconds: number }): Promise<boolean>;
  /** Null when blobs stay in the class that they are stored in. */
  readonly moves: ColdMoves | null;
}

/** How blobs get into another class when they have reached an age. */
export interface ColdMoves {
  /** Name of the class. */
  readonly storageClass: string;
  readonly afterMilliseconds: number;
  /** Lists, page by page, the keys of blobs that have the age, and are in another class from which they can be moved. The list may be stale. */
  due(): AsyncIterable<readonly string[]>;
  /** Moves a blob, whose bytes stay as they are. Rejects as `open` does, and when it is stopped: then the blob may still be moved. */
  move(key: string, stopped: AbortSignal): Promise<void>;
}
