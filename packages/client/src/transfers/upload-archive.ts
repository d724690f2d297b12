import { formatRange, rangeLength } from "@moraine/protocol";
import { assertCount } from "../assert-count.ts";
import type { GlacierClient } from "../client.ts";
import { GlacierServiceError } from "../errors.ts";
import { orAborted } from "../retry.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { DigestPool } from "./digest-pool.ts";
import { never, type TransferOptions } from "./events.ts";
import { inParallel } from "./in-parallel.ts";
import { LockFile, lockOptionsOf } from "./lock-file.ts";
import {
  abortBegun,
  beginUpload,
  knownParts,
  type MultipartUpload,
  resumeUpload,
  type SentParts,
  sendParts,
  type UploadPlace,
} from "./multipart-upload.ts";
import { combinedTreeHash } from "./part-digest.ts";
import { chosenPartSize, unknownLengthPartSizeBytes } from "./part-size.ts";
import { Progress, type TransferTotals } from "./progress.ts";
import { type SendContext, sendPart } from "./send-part.ts";
import { hashedAhead, type OpenSource, type SourcePart } from "./source-part.ts";
import { transferClient } from "./transfer-client.ts";
import { asError, CompletionUnknownError, hasCode, SourceChangedError, VerificationError } from "./transfer-errors.ts";
import { type Completion, UploadJournal, type UploadState } from "./upload-journal.ts";
import { openSource, type UploadSource } from "./upload-source.ts";

export interface UploadOptions extends TransferOptions {
  readonly vaultName: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
  /** Up to 1,024 printable ASCII characters. */
  readonly description?: string | undefined;
  /**
   * 1 MiB times a power of two, up to 4 GiB; fixed for an upload. @default the least from 16 MiB by which the source fits 10,000
   * parts, and 64 MiB for a stream, which is enough for 625 GiB
   */
  readonly partSizeBytes?: number | undefined;
  /** Parts under way at once. Those of a stream are kept: up to 8 MiB in memory, larger in a temporary file. @default 4, of a stream 3 */
  readonly concurrency?: number | undefined;
  /** @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
  /**
   * A file that makes the upload go on where it was when called again, whatever ended it. It stays when the upload is done,
   * with the archive's id in it, and gives that same id from then on: remove it when the id is safe. @default none; what
   * fails is then aborted
   */
  readonly journal?: string | undefined;
  /** Begins anew, whatever the journal tells of: an upload that it has begun is aborted first. @default false */
  readonly restart?: boolean | undefined;
}

export interface UploadResult extends TransferTotals {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}

/** A source up to this size that fits one part is sent in one request. */
const oneRequestBytesMax = 32 * 1024 ** 2;
/** Hashed before their turn, of a source that is at hand; a stream's next part may take its time. */
const partsAhead = 1;

/**
 * Uploads a file, bytes, or a stream of unknown length as one archive. Parts that the service has already, with the same
 * hash, are not sent again; each part is hashed, twice but in one pass, on another thread.
 *
 * A source of one part goes in one request, which is no use to go on from; nor can the service tell a request that was sent
 * twice, so an answer that got lost may leave a second archive.
 *
 * Throws RangeError for a part size that will not do, RangeFailedError, VerificationError, SourceChangedError, JournalMismatchError,
 * TransferBusyError while another process has the same journal, CompletionUnknownError, what the service answers, and the signal's reason.
 */
export async function uploadArchive(
  given: GlacierClient,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadResult> {
  const { vaultName, accountId, description } = options;
  let { signal = never } = options;
  if (options.concurrency !== undefined) {
    assertCount("concurrency", options.concurrency);
  }
  const client = transferClient(given, options);
  await using stack = new AsyncDisposableStack();
  const pool = stack.use(new DigestPool());
  const opened = stack.use(await openSource(source, pool));
  stack.use(pool); // It may be reading from the source still, which closes after it.
  const identity = {
    vaultName,
    accountId: accountId ?? null,
    description: description ?? null,
    source: opened.identity,
  };
  if (options.journal !== undefined) {
    const lock = stack.use(await LockFile.take(`${options.journal}.lock`, lockOptionsOf(options)));
    signal = AbortSignal.any([signal, lock.lost]);
    if (options.restart) {
      await abortBegun(client, options.journal, signal);
    }
  }
  const journal = stack.use(await UploadJournal.open(options.journal ?? null, identity));
  const progress = new Progress(opened.sizeBytes, options.onEvent);
  const upload: Upload = {
    place: { client, vaultName, accountId },
    source: opened,
    journal,
    context: {
      progress,
      bandwidth: options.bandwidth,
      signal,
      concurrency: options.concurrency ?? (opened.sizeBytes === null ? 3 : 4),
    },
    description,
  };
  const archive =
    (await completedEarlier(upload)) ??
    (await uploadOnce(upload, options).catch((error: unknown) => abandoned(upload, options, error)));
  return { ...archive, ...progress.totals };
}

interface Upload {
  readonly place: UploadPlace;
  readonly source: OpenSource;
  readonly journal: UploadJournal;
  readonly context: SendContext & { readonly concurrency: number };
  readonly description: string | undefined;
}

type Archive = Pick<UploadResult, "archiveId" | "sizeBytes" | "treeHash">;

/** An upload that was to be completed is completed again, which gives the same archive; else null. */
async function completedEarlier(upload: Upload): Promise<Archive | null> {
  const { journal, source } = upload;
  const { completing } = journal.state;
  if (completing === null) {
    return null;
  }
  const archiveId = journal.state.archiveId ?? (await completed(upload, completing));
  if (archiveId === null) {
    return null;
  }
  assertAcceptedAs(journal.state, completing, archiveId);
  if (source.identity === null) {
    await assertSameBytes(upload, completing, archiveId);
  }
  upload.context.progress.resumed(completing.sizeBytes);
  return { archiveId, ...completing };
}

async function uploadOnce(upload: Upload, { partSizeBytes }: UploadOptions): Promise<Archive> {
  const { place, source, journal, context, description } = upload;
  const resumed = await resumeUpload(place, journal, context);
  const size = resumed?.partSizeBytes ?? chosenPartSize(partSizeBytes, source.sizeBytes);
  const parts = hashedAhead(source.parts(size), source.sizeBytes === null ? 0 : partsAhead);
  if (resumed !== null) {
    return uploadParts(upload, resumed, parts);
  }
  const { first, isOnly, all } = await firstPart(parts, context.signal);
  if (isOnly && rangeLength(first) <= oneRequestBytesMax) {
    return uploadWhole(upload, first);
  }
  const begun = await beginUpload(place, journal, { partSizeBytes: size, description }, context.signal);
  return uploadParts(upload, begun, all);
}

async function uploadWhole({ place, journal, context, description }: Upload, part: SourcePart): Promise<Archive> {
  const { client, vaultName, accountId } = place;
  const { signal, progress } = context;
  const digest = await part.digest();
  const { archiveId } = await sendPart(
    part,
    digest,
    (body) => client.uploadArchive({ vaultName, accountId, archiveDescription: description, body }, { signal }),
    context,
  );
  const archive = { sizeBytes: rangeLength(part), treeHash: digest.treeHash };
  progress.verified(archive.sizeBytes);
  await journal.note({ completing: archive, archiveId });
  return { archiveId, ...archive };
}

async function uploadParts(
  upload: Upload,
  multipart: MultipartUpload,
  parts: AsyncIterable<SourcePart>,
): Promise<Archive> {
  const { place, source, journal, context } = upload;
  const sent = await sendParts(place, multipart, parts, context);
  const archive = { sizeBytes: sent.sizeBytes, treeHash: combinedTreeHash(sent.treeHashes) };
  await source.assertUnchanged();
  await journal.note({ completing: archive });
  const archiveId = await completed(upload, archive);
  if (archiveId !== null) {
    assertAcceptedAs(journal.state, archive, archiveId);
    return { archiveId, ...archive };
  }
  throw new Error(await differences(upload, multipart, sent));
}

/** The archive's id; null when the service refuses, for its parts are others than they should be. */
async function completed({ place, journal, context }: Upload, archive: Completion): Promise<string | null> {
  const { client, vaultName, accountId } = place;
  const uploadId = journal.state.upload?.uploadId ?? "";
  try {
    const input = { vaultName, accountId, uploadId, archiveSize: archive.sizeBytes, checksum: archive.treeHash };
    const { archiveId, checksum = null } = await client.completeMultipartUpload(input, { signal: context.signal });
    await journal.note({ archiveId, checksum });
    return archiveId;
  } catch (error) {
    if (hasCode(error, "InvalidParameterValueException")) {
      await journal.note({ completing: null });
      return null;
    }
    if (hasCode(error, "ResourceNotFoundException")) {
      throw completionUnknown(
        `The service no longer knows upload ${uploadId}, which it was asked to complete`,
        archive,
        error,
      );
    }
    if (journal.isKept) {
      throw error;
    }
    if (isRefusal(error)) {
      await journal.note({ completing: null });
      throw error;
    }
    // No later run can ask again.
    const why = asError(error).message;
    throw completionUnknown(
      `Whether the service has completed upload ${uploadId} is not known (${why})`,
      archive,
      error,
    );
  }
}

function completionUnknown(what: string, archive: Completion, cause: unknown): CompletionUnknownError {
  const message =
    `${what}. Look for an archive of ${archive.sizeBytes} bytes with tree hash ${archive.treeHash} in the next inventory ` +
    "before uploading again";
  return new CompletionUnknownError(message, archive, cause);
}

/** Nothing was completed. Of several attempts one may have been carried out, with its answer lost. */
function isRefusal(error: unknown): boolean {
  return error instanceof GlacierServiceError && error.status >= 400 && error.status < 500 && error.attempts === 1;
}

/** The id is in the journal by then: the archive is there, whatever it is. */
function assertAcceptedAs({ checksum }: UploadState, { treeHash }: Completion, archiveId: string): void {
  if (checksum !== null && checksum.toLowerCase() !== treeHash) {
    const what = { range: null, expected: treeHash, computed: checksum };
    throw new VerificationError(what, `So the server says, which has made archive ${archiveId} of it all the same.`);
  }
}

/** Says why parts that were all sent do not make the archive. */
async function differences(
  { place, context }: Upload,
  { uploadId, partSizeBytes }: MultipartUpload,
  { treeHashes, sizeBytes }: SentParts,
): Promise<string> {
  const known = await knownParts(place, uploadId, context.signal);
  const wrong = treeHashes.flatMap((treeHash, index) => {
    const firstByte = index * partSizeBytes;
    const range = formatRange({ firstByte, lastByte: Math.min(firstByte + partSizeBytes, sizeBytes) - 1 });
    const isThere = known.get(range) === treeHash;
    known.delete(range);
    return isThere ? [] : [range];
  });
  return (
    `The service will not complete upload ${uploadId}. Parts it has not as they were sent: ${wrong.join(", ") || "none"}; ` +
    `parts it has beside them: ${[...known.keys()].join(", ") || "none"}. Upload again to send what is missing; parts ` +
    "that are too many go only with the whole upload, when it is aborted"
  );
}

async function assertSameBytes({ source, context }: Upload, archive: Completion, archiveId: string): Promise<void> {
  const treeHashes: string[] = [];
  const hash = async (part: SourcePart) => {
    treeHashes[part.index] = (await part.digest()).treeHash;
    part.release();
  };
  await inParallel(source.parts(unknownLengthPartSizeBytes), context.concurrency, hash, context.signal);
  if (combinedTreeHash(treeHashes) !== archive.treeHash) {
    throw new SourceChangedError(
      `The journal's upload is complete: archive ${archiveId}. These bytes are others; upload them with another journal`,
    );
  }
}

/** Without a journal nobody can go on, so nothing is left to lie about. */
async function abandoned({ place, journal }: Upload, options: UploadOptions, error: unknown): Promise<never> {
  const { upload, completing } = journal.state;
  if (options.journal === undefined && upload !== null && completing === null) {
    const { client, vaultName, accountId } = place;
    const input = { vaultName, accountId, uploadId: upload.uploadId };
    await client.abortMultipartUpload(input).catch(() => undefined);
  }
  throw error;
}

/** Whether there is a second part, which costs no more than to wait for its first byte or the end. A pipe may give neither. */
async function firstPart(
  parts: AsyncIterable<SourcePart>,
  signal: AbortSignal,
): Promise<{ first: SourcePart; isOnly: boolean; all: AsyncGenerator<SourcePart> }> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await orAborted(iterator.next(), signal);
  if (first.done) {
    throw new RangeError("There is nothing to upload: an archive has at least one byte");
  }
  const second = await orAborted(iterator.next(), signal);
  async function* all(): AsyncGenerator<SourcePart> {
    yield first.value;
    if (!second.done) {
      yield second.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    }
  }
  return { first: first.value, isOnly: second.done === true, all: all() };
}
