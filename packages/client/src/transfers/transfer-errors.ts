import { type ByteRange, formatRange } from "@moraine/protocol";

/** The base class of the errors that transfers throw themselves; those of calls are `GlacierServiceError` and `GlacierConnectionError`. */
export class TransferError extends Error {
  override readonly name: string = "TransferError";
}

/**
 * Bytes came that are not what their checksum says, as often as they were asked for: no target was written. Or a service
 * accepted bytes as something else than was sent: no upload succeeded.
 */
export class VerificationError extends TransferError {
  override readonly name = "VerificationError";
  /** Null when each range was right by itself, or had no checksum, and only the whole is wrong. */
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

/** There is no checksum by which the output could be verified, and the caller has not said that it does not matter. */
export class UnverifiableError extends TransferError {
  override readonly name = "UnverifiableError";
}

/** A range did not pass, however often it was tried; `cause` says why. What had been verified is kept. */
export class RangeFailedError extends TransferError {
  override readonly name = "RangeFailedError";
  readonly range: ByteRange;

  constructor(range: ByteRange, attempts: number, cause: Error) {
    super(`Range ${formatRange(range)} failed ${attempts} times, the last time so: ${cause.message}`, { cause });
    this.range = range;
  }
}

/** The file system refused; `cause` says what. What had been verified is kept. */
export class LocalFileError extends TransferError {
  override readonly name = "LocalFileError";
}

/** There is a file under the target's name already, and nobody asked to overwrite it. */
export class TargetExistsError extends TransferError {
  override readonly name = "TargetExistsError";
}

/** A file that a transfer would write to is none that it may write to: a folder, a device, a link, another user's file. */
export class UnusableFileError extends TransferError {
  override readonly name = "UnusableFileError";
}

/** Another process is at work on the same target, or on the same upload. */
export class TransferBusyError extends TransferError {
  override readonly name = "TransferBusyError";
}

/** A journal tells of another transfer than the one asked for. Nothing was changed. */
export class JournalMismatchError extends TransferError {
  override readonly name = "JournalMismatchError";
}

/** The service could not do the job; the message is the service's own. */
export class JobFailedError extends TransferError {
  override readonly name: string = "JobFailedError";
}

/** The job failed since the archive is damaged in the service's store: other jobs fail too, until its operator has repaired it. */
export class DamagedArchiveError extends JobFailedError {
  override readonly name = "DamagedArchiveError";
}

/** The job has not completed in the time the caller would wait; it goes on. */
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

/** What is uploaded changed while it was read, or since an upload of it was begun. */
export class SourceChangedError extends TransferError {
  override readonly name = "SourceChangedError";
}

/**
 * The service no longer knows the upload, after it had been asked to complete it, or all its answers to that were lost and
 * there is no journal to go on from: whether there is an archive, only an inventory can tell. Nothing was uploaded again.
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

/** The text is no inventory, or ends too soon. */
export class InventoryFormatError extends TransferError {
  override readonly name = "InventoryFormatError";
}

/** Whether the service answered so; for errors of whatever client. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

/** What the file system refuses, as LocalFileError. */
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
