import { type ByteRange, formatRange } from "@moraine/protocol";

/** The base class of the errors that transfers throw themselves; those of calls are `GlacierServiceError` and `GlacierConnectionError`. */
export class TransferError extends Error {
  override readonly name: string = "TransferError";
}

/**
 * Received bytes did not agree with their checksum, in any attempt, so no target was written. Or a service accepted bytes under another
 * hash than was sent, so the upload has failed.
 */
export class VerificationError extends TransferError {
  override readonly name = "VerificationError";
  /** Null if each range was right by itself, or had no checksum, and only all of them together are wrong. */
  readonly range: ByteRange | null;
  readonly expected: string;
  readonly computed: string;

  constructor(what: { range: ByteRange | null; expected: string; computed: string }, advice: string) {
    const where = what.range === null ? "The whole output" : `Range ${formatRange(what.range)}`;
    super(`${where} does not verify: its tree hash should be ${what.expected} and is ${what.computed}. ${advice}`);
    this.range = what.range;
    this.expected = what.expected;
    this.computed = what.computed;
  }
}

/** No checksum can verify the output, and the caller has not accepted unverified bytes. */
export class UnverifiableError extends TransferError {
  override readonly name = "UnverifiableError";
}

/** All attempts at a range failed; `cause` says why. Verified ranges are kept. */
export class RangeFailedError extends TransferError {
  override readonly name = "RangeFailedError";
  readonly range: ByteRange;

  constructor(range: ByteRange, attempts: number, cause: Error) {
    super(`Range ${formatRange(range)} failed ${attempts} times, at last with: ${cause.message}`, { cause });
    this.range = range;
  }
}

/** The file system refused an operation; `cause` says which. Verified ranges are kept. */
export class LocalFileError extends TransferError {
  override readonly name = "LocalFileError";
}

/** A file with the target's name already exists, and `overwrite` is not set. */
export class TargetExistsError extends TransferError {
  override readonly name = "TargetExistsError";
}

/** A transfer must not write to this file: it is a folder, a device, a link, or another user's. */
export class UnusableFileError extends TransferError {
  override readonly name = "UnusableFileError";
}

/** Another process works on the same target, or on the same upload. */
export class TransferBusyError extends TransferError {
  override readonly name = "TransferBusyError";
}

/** A journal is of another transfer than the one requested. Nothing was changed. */
export class JournalMismatchError extends TransferError {
  override readonly name = "JournalMismatchError";
}

/** The job failed; the message is the service's own. */
export class JobFailedError extends TransferError {
  override readonly name: string = "JobFailedError";
}

/** The job failed because the archive is damaged in the service's store. Other jobs fail too, until its operator has repaired it. */
export class DamagedArchiveError extends JobFailedError {
  override readonly name = "DamagedArchiveError";
}

/** The job did not complete within the wait. It continues. */
export class JobNotReadyError extends TransferError {
  override readonly name = "JobNotReadyError";
  readonly jobId: string;
  /** Size of the archive; null for an inventory, and where the service did not respond. */
  readonly sizeBytes: number | null;

  constructor(jobId: string, message: string, sizeBytes: number | null = null) {
    super(message);
    this.jobId = jobId;
    this.sizeBytes = sizeBytes;
  }
}

/** The source changed while it was read, or since its upload was started. */
export class SourceChangedError extends TransferError {
  override readonly name = "SourceChangedError";
}

/**
 * The upload may have made an archive, which only an inventory can show. The service no longer knows the upload that it was asked to
 * complete, or all its responses to that were lost, and there is no journal from which to resume. Nothing was uploaded again.
 */
export class CompletionUnknownError extends TransferError {
  override readonly name = "CompletionUnknownError";
  readonly treeHash: string;
  readonly sizeBytes: number;

  constructor(message: string, { treeHash, sizeBytes }: { treeHash: string; sizeBytes: number }, cause: unknown) {
    super(message, { cause });
    this.treeHash = treeHash;
    this.sizeBytes = sizeBytes;
  }
}

/** The text is not an inventory, or is incomplete. */
export class InventoryFormatError extends TransferError {
  override readonly name = "InventoryFormatError";
}

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

/** Rejects with LocalFileError if the work on a file fails. */
export async function local<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof TransferError) {
      throw cause;
    }
    throw new LocalFileError((cause as Error).message, { cause });
  }
}
