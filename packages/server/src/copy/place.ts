import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { BoundMetadata } from "../storage/bucket-binding.ts";
import type { CopyMark } from "../storage/copy-mark.ts";
import type { Database } from "../storage/metadata/tables/schema.ts";
import type { Bucket } from "../storage/s3/bucket.ts";

/** Error thrown when there is nothing to copy, or nowhere to copy it to; the message is one line for the operator. */
export class CopyError extends Error {
  override readonly name = "CopyError";
}

/** The place of a bucket that has the archives of a source, with the metadata that are bound to it. */
export interface SourceBucket {
  readonly bucket: Bucket;
  readonly metadata: BoundMetadata;
  /** Objects that marks of the operator's folder keep though nothing refers to them. */
  readonly keptObjects: number;
}

/** A data folder or a cluster that is copied. Nobody else may change it meanwhile. */
export interface CopySource extends AsyncDisposable {
  /** As operators call it. */
  readonly name: string;
  readonly db: Database;
  readonly blobs: Pick<BlobStore, "open">;
  /** Null when its archives are files. */
  readonly bound: SourceBucket | null;
  /** The mark of an earlier copy of it. */
  readonly mark: CopyMark | null;
  /** Keeps all servers away from it, durably. Rejects when one has come meanwhile, or another copy of it is complete. */
  fence(mark: CopyMark): Promise<void>;
  /** Lets servers use it again, unless the mark is that of another copy. */
  unfence(mark: CopyMark): Promise<void>;
}

/** A data folder or a cluster that a copy is made to. No server accepts it before it is complete. */
export interface CopyTarget extends AsyncDisposable {
  readonly name: string;
  /** Whether an earlier run of the same copy may have left something. */
  readonly isResumed: boolean;
  /** Whether rows of damaged segments may be there without their bytes. */
  readonly isFilled: boolean;
  /** Whether the archives stay in the bucket that they are in, and only their rows move. */
  readonly isInPlace: boolean;
  readonly blobs: Pick<BlobStore, "create" | "open" | "cold">;
  /** Removes blobs that an earlier run may have stored, where others of the same names could not be stored. */
  clear(keys: readonly string[]): Promise<void>;
  /** For reading. */
  readonly db: Database;
  /** Runs changes in one transaction, which is durable when it resolves. Calls run one after the other. */
  write(work: (db: Database) => Promise<void>): Promise<void>;
  /** Notes, durably, that rows of damaged segments follow. */
  noteFilled(): Promise<void>;
  /** Whether archives that stay in their bucket are the target's already: an earlier run was interrupted then. */
  isTakenOver(): Promise<boolean>;
  /** Lets servers use it. The source is fenced: from now on archives that stay in their bucket are the target's. */
  finish(): Promise<void>;
}

/** Facts of a source that its target is opened with. */
export interface CopyOrigin {
  readonly copyId: string;
  readonly sourceName: string;
  /** Where an earlier copy of the source was, or is about to be, complete; null if there was none. */
  readonly movedTo: string | null;
  /** Where the source's archives are; null when they are files. */
  readonly bound: SourceBucket | null;
  /** The key of the rows' MACs. */
  readonly rowKey: Buffer;
}

/** Throws CopyError when the source was copied to another place. */
export function assertNotElsewhere({ sourceName, movedTo }: CopyOrigin, targetName: string): void {
  if (movedTo !== null && movedTo !== targetName) {
    throw new CopyError(`${sourceName} was copied to ${movedTo}: continue or serve that copy`);
  }
}

/** Throws CopyError when a source has the mark of a copy to another place than `next` says. */
export function assertNotMoved(mark: CopyMark | null, next: CopyMark, sourceName: string): void {
  if (mark !== null && !isSameCopy(mark, next)) {
    throw new CopyError(`${sourceName} was copied to ${mark.other} meanwhile: serve that copy`);
  }
}

export const isSameCopy = (one: CopyMark, other: CopyMark): boolean =>
  one.copyId === other.copyId && one.other === other.other;

/** Throws CopyError when the target is marked, and not as that of this copy. */
export function assertOwnMark({ state, copyId, other }: CopyMark, targetName: string, origin: CopyOrigin): void {
  if (state !== "incomplete" || copyId !== origin.copyId) {
    throw new CopyError(`${targetName} belongs to another copy, ${state === "moved" ? "to" : "from"} ${other}`);
  }
}
