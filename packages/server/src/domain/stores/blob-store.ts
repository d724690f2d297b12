import type { Instant } from "../time/instant.ts";
import type { ColdBlobs } from "./cold-blobs.ts";
import type { StorageReport } from "./storage-report.ts";

/**
 * Keeps bytes under names. A blob is written once, never changed, and visible only when whole and durable. Names are
 * chosen by the service from its own ids, never from a client's text.
 */
export interface BlobStore {
  /** Set if each blob is kept twice. */
  readonly copies?: BlobCopies;
  /** Set if blobs may have to be restored before they can be read. */
  readonly cold?: ColdBlobs;
  /**
   * Draws a name that nobody has yet for a blob of this owner; nothing is stored.
   * @param ownerId 1 to 138 characters of base64url.
   */
  newKey(ownerId: string): string;
  /**
   * Begins a blob. Rejects with `BlobStoreUnavailableError` while the store is away, and with `StorageFullError` when `sizeBytesMin` bytes do not fit now without touching the reserve that
   * keeps reads and deletions working. Claims nothing: room is taken by bytes as they are written, never by announcements.
   * @param sizeBytesMax the most that will be written.
   * @param sizeBytesMin what will surely be written; `sizeBytesMax` by default.
   */
  create(key: string, sizeBytesMax: number, sizeBytesMin?: number): Promise<BlobWriter>;
  /**
   * Rejects with `BlobMissingError` when there is no such blob, with `NotRestoredYetError` when it is cold, and with `BlobStoreUnavailableError`
   * while that is not known.
   */
  open(key: string): Promise<BlobReader>;
  /**
   * Like `open`, for reading what the medium holds and not a copy of it in the system's memory.
   * @param scratch of some KiB, at the beginning of a page: what the caller's memory does not fit passes through it.
   */
  openUncached(key: string, scratch: Uint8Array): Promise<UncachedReader>;
  /**
   * Removes blobs; one that no longer exists counts as removed. Each is settled alone, so one failure stops no other. Removals
   * are durable when it resolves. Never rejects: resolves to the blobs that could not be removed; to null, with nothing removed, while a
   * backup reads blobs.
   */
  remove(keys: readonly string[]): Promise<readonly RemovalFailure[] | null>;
}

/** A blob, or anything else that is stored among blobs. */
export interface ListedBlob {
  /** The blob's key; a name that `newKey` never draws is no blob's. */
  readonly key: string;
  readonly sizeBytes: number;
  /** When it was last changed. For an object that was sent in parts, when that began. */
  readonly changedAt: Instant;
}

export interface BlobPage {
  readonly blobs: readonly ListedBlob[];
  /** The time of the page by the clock that `changedAt` was read from. */
  readonly listedAt: Instant;
}

/** A store as a server opens and closes it. */
export interface BlobDriver extends BlobStore {
  /**
   * Lists everything whose name begins with `prefix`, in bytewise order of the names, a page at a time. Works also before `prepare`. The list may
   * be stale: a blob that was stored or removed lately may be missing, or still be named. Rejects with `BlobStoreUnavailableError` while the
   * store is away.
   */
  list(prefix: string): AsyncIterable<BlobPage>;
  /** Why nothing new is stored; null while blobs are accepted. Reads and removals are tried all the same. */
  readonly readOnly: StorageReport["readOnly"];
  /**
   * Once, before all else: removes what a crash left unfinished, and rejects where blobs could not be kept safely. A full disk is no
   * reason: it resolves to whether there is one.
   */
  prepare(): Promise<{ readonly isFull: boolean }>;
  /** Ends what the store does by itself. */
  close(): Promise<void>;
}

/** The two copies of each blob: in the data folder, and in the mirror. */
export type CopyName = "data" | "mirror";

/** Runs a piece of work when its turn has come. */
export type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** The copies of a store that keeps each blob twice. */
export interface BlobCopies {
  /** Each copy alone. */
  readonly stores: Readonly<Record<CopyName, Pick<BlobStore, "open" | "openUncached">>>;
  /** Notes that a read has met damage in the data folder, so that the blob is repaired soon. */
  noteDamaged(key: string, error: unknown): void;
  /** Returns the blobs that were noted since the last call; a great many are not all remembered. */
  takeDamaged(): string[];
  /**
   * Replaces one copy by the other, which the caller has verified. The file that is replaced stays in the quarantine of its
   * folder. Does its work in turns, and asks whether the blob is still wanted before the new file gets its name: else one that was
   * removed meanwhile would be back. Resolves to false when it was not wanted.
   */
  replace(key: string, copy: CopyName, during: { turn: Turn; isWanted(): Promise<boolean> }): Promise<boolean>;
}

/** A blob that is still stored, or whose removal may not be durable. */
export interface RemovalFailure {
  readonly key: string;
  readonly error: unknown;
}

/** Exactly one of `commit` and `discard` ends a writer; `discard` after a failed `commit` is allowed and does nothing. */
export interface BlobWriter {
  /**
   * Appends, in the order of the calls, which may overlap. The caller may reuse `bytes` once it resolves. Rejects with
   * `StorageFullError` when these bytes do not fit without touching the reserve; the blob is then worth nothing, and `discard`
   * frees what it took.
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes the blob visible under its key, durably. When it rejects, the blob may or may not exist: the caller must
   * not take it for stored, and must not reuse the key.
   */
  commit(): Promise<void>;
  /** Throws away what was written; never rejects. */
  discard(): Promise<void>;
}

export interface BlobReader {
  readonly sizeBytes: number;
  /**
   * Fills `into` from `position` on; rejects when the blob ends before `into` is full, or the medium fails; with
   * `BlobStoreUnavailableError` or `NotRestoredYetError` when that says nothing about the bytes. A file is read to its end though it is removed meanwhile; an object
   * of a bucket is missing from then on.
   */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

export interface UncachedReader extends BlobReader {
  /** False once the medium has refused to be read past the memory of the system. */
  readonly isUncached: boolean;
}

export class BlobMissingError extends Error {
  override readonly name = "BlobMissingError";

  constructor(key: string, options?: ErrorOptions) {
    super(`There is no blob ${key}`, options);
  }
}

/** The blob exists, and is in a class from which it has to be restored before it can be read. It says nothing about the bytes. */
export class NotRestoredYetError extends Error {
  override readonly name = "NotRestoredYetError";

  constructor(what: string, options?: ErrorOptions) {
    super(`${what} has to be restored before it can be read`, options);
  }
}

/** The medium has no room. Nothing was stored; reads continue; it passes when room returns. */
export class StorageFullError extends Error {
  override readonly name = "StorageFullError";
}

/** The store cannot be reached, or is in trouble. It passes by itself, and says nothing about the bytes that are stored. */
export class BlobStoreUnavailableError extends Error {
  override readonly name = "BlobStoreUnavailableError";
}
