import type { Segment } from "../segment.ts";
import type { Instant } from "../time/instant.ts";
import type { Archive } from "../vaults/archive.ts";
import type { BytesOwner } from "../vaults/damage.ts";
import type { VaultKey } from "../vaults/vault.ts";

/** The store in parts of about equal size, by the first byte of the segments' names. */
export const scrubRangeCount = 256;

export interface ScrubState {
  /** When the last complete reading of each range began, in the order of the ranges. Empty before the first run. */
  readonly rangesReadAt: readonly Instant[];
  /** The range that is being read, and how far; null between two ranges. */
  readonly cursor: ScrubCursor | null;
  /** All segments that were stored before have been read back; null before the first run. */
  readonly newReadAt: Instant | null;
  /** The newest segment that has not been read back; null when there is none. */
  readonly newestSequence: number | null;
}

export interface ScrubCursor {
  readonly range: number;
  readonly beganAt: Instant;
  /** Name of the last segment that was read, as an opaque string; null at the beginning of the range. */
  readonly after: string | null;
}

/** A segment that was stored and is still to be read back. */
export interface NewSegment {
  readonly sequence: number;
  /** Null when nobody refers to it any more. */
  readonly segment: Segment | null;
}

/** An archive that lives, as its manifest describes it. */
export interface ListedArchive {
  readonly archive: Archive;
  readonly vault: VaultKey;
  readonly hasManifest: boolean;
}

export interface ScrubQueries {
  scrubState(): Promise<ScrubState>;
  /** Referenced segments of a range in the order of their names, after the cursor; each with the cursor's `after` behind it. */
  scrubPage(at: { range: number; after: string | null; limit: number }): Promise<{ segment: Segment; after: string }[]>;
  /** Segments that are to be read back, in the order in which they were stored, after a sequence and up to another. */
  newSegments(page: { afterSequence: number; lastSequence: number; limit: number }): Promise<NewSegment[]>;
  /** The archive or inventory document that a segment belongs to; null for one of a part of an upload that is not complete. */
  findBytesOwner(ownerId: string): Promise<BytesOwner | null>;
  /** Null when there is no such archive, or it was deleted. */
  findListedArchive(archiveId: string): Promise<ListedArchive | null>;
}

export interface ScrubChanges {
  /** Begins with these times; does nothing when there are some. */
  beginScrub(at: { rangesReadAt: readonly Instant[]; newReadAt: Instant }): Promise<void>;
  /** Starts over, as if everything had been read at this time. */
  restartScrub(at: { rangesReadAt: Instant; newReadAt: Instant }): Promise<void>;
  keepScrubCursor(cursor: ScrubCursor): Promise<void>;
  /** Ends the reading of the cursor's range. */
  finishScrubRange(range: { range: number; beganAt: Instant }): Promise<void>;
  forgetNewSegments(sequences: readonly number[]): Promise<void>;
  /** Has a segment read again with the new ones. */
  queueSegment(key: string): Promise<void>;
  noteNewRead(at: Instant): Promise<void>;
  /**
   * Makes a manifest live, in the place of the archive's earlier one, which is then `dead`, and whose damage is forgotten. False when the
   * archive has been deleted meanwhile: then it is the new one that is `dead`.
   */
  replaceManifest(at: { manifest: Segment }): Promise<boolean>;
}
