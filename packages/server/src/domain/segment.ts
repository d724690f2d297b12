import type { ByteRange, TreeHash } from "@moraine/protocol";
import type { Instant } from "./time/instant.ts";

/**
 * The life of a segment's row. `pending` is the intent, written before the bytes can become visible; `live` means
 * referenced by an archive, an open upload or a job's output; `deleted` waits for its grace to end; `dead` may be
 * removed from the disk, after which the row goes. Only these edges exist: pending → live → deleted → dead,
 * pending → dead, live ⇄ suspect, suspect → deleted when the owner lets go, and live or suspect → dead for a manifest that another
 * one replaces.
 */
export type SegmentState = "pending" | "live" | "deleted" | "dead" | "suspect";

/**
 * The purpose of a segment's bytes: all of an archive, a part of a multipart upload, the list of an archive's parts, or an
 * inventory document.
 */
export type SegmentKind = "archive" | "part" | "manifest" | "inventory";

/**
 * The place of a manifest in its archive: so far before the first byte that even its last one lies there too, and no range of the
 * archive includes it.
 */
export const manifestPlace = -(2 ** 32);

/** An immutable run of bytes in the blob store, with its leaf hashes in a footer behind it. */
export interface Segment {
  /** Its name in the blob store. */
  readonly key: string;
  /** The archive, or the inventory job, whose bytes these are. */
  readonly ownerId: string;
  /** Where the run begins within its owner. */
  readonly firstByte: number;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
}

/** A segment that is about to be written: its row is the intent that makes sweeping safe. */
export interface SegmentIntent {
  readonly key: string;
  readonly ownerId: string;
  /** After this moment the sweeper may take the segment for abandoned. */
  readonly leaseUntil: Instant;
}

/** Bytes on the medium are not the bytes that were stored, or rows do not fit them. They are never passed on. */
export class CorruptSegmentError extends Error {
  override readonly name = "CorruptSegmentError";
  /** The damaged segment; null when the damage is in no segment that is known: one is missing, or two disagree. */
  readonly key: string | null;
  readonly reason: string;
  /** The damaged bytes, counted from the first of the archive or document; null for all of the segment, or when it is not known. */
  readonly place: ByteRange | null;

  constructor(key: string | null, reason: string, options: { cause?: unknown; place?: ByteRange } = {}) {
    super(key === null ? `Stored data is damaged: ${reason}` : `Segment ${key} is damaged: ${reason}`, options);
    this.key = key;
    this.reason = reason;
    this.place = options.place ?? null;
  }
}
