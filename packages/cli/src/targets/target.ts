import type { Bandwidth, OutputSource } from "@moraine/client/node";

/** An archive that is copied, as the catalogue knows it. */
export interface ArchiveFacts {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** Relative, safe and unique within the target: see `names/safe-path.ts` and the catalogue. */
  readonly path: string;
  readonly description: string;
  /** Null if the description has none. */
  readonly modifiedAt: Date | null;
  /** The last nine bits of the mode that a folder's file gets. @default null: those of a new file */
  readonly permissions?: number | null;
}

/** A complete copy at its target. */
export interface StoredCopy {
  /** A path, a key, or an archive's id. */
  readonly location: string;
  /**
   * SHA-256 of all bytes, in hex, computed over the bytes that were verified by the tree hash. Null where they were not read in order: of an
   * archive that was sent to a vault in parts, which is verified by its tree hash alone.
   */
  readonly sha256: string | null;
  /** Checksums that the target itself has computed, by their name. */
  readonly checksums?: Readonly<Record<string, string>>;
}

/**
 * The output of an archive's job. Its facts are those of the catalogue, so that no job is described.
 *
 * `open` throws OutputExpiredError once the job no longer exists. It starts no other job: a copy that is not complete then rejects with that
 * error, keeps what it can resume from, and `store` is called again, hours later, with the output of another job.
 */
export interface ArchiveOutput extends OutputSource {
  readonly vaultName: string;
  readonly jobId: string;
}

export interface StoreOptions {
  /** Ends the copy soon, in a state from which it can be resumed. */
  readonly signal: AbortSignal;
  /** Called with each number of bytes that were received. */
  readonly onBytes: (count: number) => void;
  readonly bandwidth?: Bandwidth | undefined;
}

/** A copy that is checked. */
export interface CopyFacts {
  readonly location: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** Null for a copy of which only the tree hash is known. */
  readonly sha256: string | null;
  /** The time at which it was verified, if that is known: an inventory that is older cannot show that it is missing. */
  readonly verifiedAt?: Date;
}

/** Sound: all bytes are right. Missing: the location does not exist. Changed: its size or a byte is wrong, or it is no file. */
export type CopyState = "sound" | "missing" | "changed";

/**
 * A place that keeps copies of archives. Each method may be called by many at the same time.
 *
 * A method rejects with TargetFullError or TargetUnavailableError when the target as a whole is the reason, so that its caller waits or stops
 * instead of giving up the archive; with the signal's reason when that aborts. Any other error is about the one archive.
 */
export interface Target {
  /** As the user has given it, without secrets. It identifies the target in the catalogue. */
  readonly url: string;
  /** False where copies have ids instead of names, as in a vault. @default true */
  readonly namesCopies?: boolean;
  /** Copies that are read at the same time to check them: over a network, more than a disk can use. @default 4 */
  readonly checksAtOnce?: number;

  /**
   * Creates the target if it is missing, finds out whether it can be written to, and keeps other processes from storing there, until the lock
   * is disposed. Called once, before the first copy; readers do not call it. Rejects with TransferBusyError while another process has it.
   */
  lock(signal: AbortSignal): Promise<AsyncDisposable>;

  /** Resolves to the number of bytes that may still be stored; null if that is not known. */
  freeBytes(): Promise<number | null>;

  /**
   * Finds out whether an archive of this size could be stored at the moment. Called after the target has failed, before another job is paid
   * for. Rejects with TargetFullError or TargetUnavailableError.
   */
  probe(sizeBytes: number, signal: AbortSignal): Promise<void>;

  /** Resolves to how many bytes storing an archive would still take, where some of it may be there. @default all of them */
  bytesToStore?(archive: ArchiveFacts): Promise<number>;

  /**
   * Finds a complete copy under the archive's path, whoever stored it, and verifies its content. Resolves to null if nothing is there. Called
   * before a job is paid for. Rejects with TargetOccupiedError for other content.
   */
  find(archive: ArchiveFacts, signal: AbortSignal): Promise<StoredCopy | null>;

  /**
   * Stores an archive. Resolves when the copy is complete, verified, durable, and has its final name; until then, nothing has that name.
   * Resumes what an earlier call has stored of the same archive, in this process or another. Existing content is never replaced: the same
   * content counts as stored, for other content it rejects with TargetOccupiedError.
   */
  store(archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions): Promise<StoredCopy>;

  /** Removes what `store` has kept to resume from. Called when an archive is given up, unless the target is the reason. */
  abandon?(archive: ArchiveFacts, signal: AbortSignal): Promise<void>;

  /** Called once the manifest has the copies, durably: it removes what it has kept so that `find` finds them. */
  recorded?(archiveIds: readonly string[]): Promise<void>;

  /**
   * Reads a copy back, all of it; a vault's is looked for in the vault's inventory. Rejects with UncheckableError for a copy that can only be
   * checked later.
   */
  check(copy: CopyFacts, signal: AbortSignal): Promise<CopyState>;

  /** Yields all that is stored in the target, in any order, without the documents. */
  list(signal: AbortSignal): AsyncIterable<{ readonly location: string; readonly sizeBytes: number }>;

  readonly documents: TargetDocuments;
}

/** The documents of a rescue at its target: the manifest and its relatives. */
export interface TargetDocuments {
  /**
   * Appends complete lines, and creates the document if it is missing. Resolves once they are durable, to the document's size in bytes. An
   * incomplete last line, as a crash leaves it, is cut away first. Calls are carried out one after the other.
   */
  append(name: string, text: string): Promise<number>;
  /** Replaces the document as a whole: a reader sees the old one or the new one. */
  write(name: string, text: AsyncIterable<string>): Promise<void>;
  /** Resolves to the bytes from that one on; null if the document does not exist, nothing if it ends before. @param firstByte default 0 */
  read(name: string, firstByte?: number): Promise<AsyncIterable<Uint8Array> | null>;
  /** Makes one file of a document that is kept in pieces while it grows. Called at the end, for readers that know nothing of pieces. */
  join?(name: string): Promise<void>;
}

/** A document that shows whether the target can be written to. */
export const probeName = "probe";

/** The content of that document. */
export async function* probeText(): AsyncGenerator<string, void, void> {
  yield "This shows whether the target can be written to.\n";
}

/** Names of documents, which no archive may have. All others are in a folder of the first name, or begin with it. */
export const reservedNames = [".moraine", "MANIFEST.jsonl", "SHA256SUMS"] as const;

/** The job whose output is read no longer exists: another one is needed. */
export class OutputExpiredError extends Error {
  override readonly name = "OutputExpiredError";
  /** As errors of the service have it, so that no transfer tries the same job again. */
  readonly type = "Client";
}

/** The target's URL or its settings cannot be used; the message says what was expected. */
export class InvalidTargetError extends Error {
  override readonly name = "InvalidTargetError";
}

/** The location has other content, which is kept. */
export class TargetOccupiedError extends Error {
  override readonly name = "TargetOccupiedError";
}

/** The copy cannot be checked now, but later: it is newer than the vault's inventory, or has to be restored first. */
export class UncheckableError extends Error {
  override readonly name = "UncheckableError";
  /** Whether no copy of the target can be checked now. */
  readonly isOfAll: boolean;

  constructor(message: string, { isOfAll = false, ...options }: ErrorOptions & { readonly isOfAll?: boolean } = {}) {
    super(message, options);
    this.isOfAll = isOfAll;
  }
}

/** The target has no room left, or a quota is used up. */
export class TargetFullError extends Error {
  override readonly name = "TargetFullError";
}

/** The target cannot be used at the moment: it is gone, read-only, refuses access, or cannot be reached. */
export class TargetUnavailableError extends Error {
  override readonly name = "TargetUnavailableError";
  /** Whether one file or object may be the reason, and not the target: `probe` decides. */
  readonly mayBeOfOne: boolean;

  constructor(
    message: string,
    { mayBeOfOne = false, ...options }: ErrorOptions & { readonly mayBeOfOne?: boolean } = {},
  ) {
    super(message, options);
    this.mayBeOfOne = mayBeOfOne;
  }
}
