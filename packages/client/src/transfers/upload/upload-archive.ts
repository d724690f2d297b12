import { rangeLength } from "@moraine/protocol";
import { assertCount } from "../../assert-count.ts";
import { mayBeAws } from "../../client.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import { orAborted } from "../../http/retry.ts";
import type { Bandwidth } from "../bandwidth.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { DigestPool } from "../hashing/digest-pool.ts";
import { combinedTreeHash } from "../hashing/part-digest.ts";
import { LockFile, lockOptionsOf } from "../journal/lock-file.ts";
import { Progress, type TransferTotals } from "../progress.ts";
import { transferClient } from "../transfer-client.ts";
import { asError, VerificationError } from "../transfer-errors.ts";
import { assertAcceptedAs, completeUpload, differences } from "./complete-upload.ts";
import { openJournal, recompleteEarlier } from "./earlier-upload.ts";
import { type MultipartUpload, resumeUpload, sendParts, startUpload } from "./multipart-upload.ts";
import { chosenPartSize } from "./part-size.ts";
import { hashedAhead, type SourcePart } from "./source-part.ts";
import type { AnnouncedRequest, RequestIdentity, Upload, UploadedArchive } from "./upload-context.ts";
import { uploadInOneRequest } from "./upload-in-one-request.ts";
import { openSource, type UploadSource } from "./upload-source.ts";

export interface UploadOptions extends TransferOptions {
  readonly vaultName: string;
  /** Twelve digits, if the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
  /** Up to 1,024 printable ASCII characters. */
  readonly description?: string | undefined;
  /**
   * 1 MiB times a power of two, up to 4 GiB; fixed for an upload. @default the smallest from 16 MiB with which 10,000 parts hold the
   * source, less with a bandwidth at which a part takes more than a minute; 64 MiB for a stream, which is enough for 625 GiB
   */
  readonly partSizeBytes?: number | undefined;
  /**
   * Parts sent at the same time; fewer with a bandwidth below 16 KiB/s for each. Those of a stream are kept: up to 8 MiB in memory, larger
   * ones in a temporary file. @default 4, for a stream 3
   */
  readonly concurrency?: number | undefined;
  /** @default unlimited */
  readonly bandwidth?: Bandwidth | undefined;
  /**
   * A file that lets the same call resume the upload after any interruption. It stays when the upload is done, with the archive's id
   * in it, and a repeated call returns that id as long as the service confirms it (24 hours): remove it when the id is safe.
   * @default none; a failed upload is then aborted
   */
  readonly journal?: string | undefined;
  /** Starts over, whatever the journal contains: its unfinished upload is aborted first. @default false */
  readonly restart?: boolean | undefined;
  /**
   * The treatment of the journal's unfinished upload if it is another one: of a source that has changed since, with another
   * description, or in another vault or account. `restart` aborts it and starts over. @default `fail`: JournalMismatchError
   */
  readonly ifChanged?: "fail" | "restart" | undefined;
  /**
   * Called before a source of one part is sent in one request, without a journal. The caller records the id that it returns, and returns the
   * same one when it repeats the upload: a Moraine server then gives the archive that exists, for a day. AWS does not know such ids, so to AWS
   * the request is sent only once, unless it is refused: CompletionUnknownError without a response. @default repeated as any other request
   */
  readonly beforeRequest?: ((request: AnnouncedRequest) => Promise<RequestIdentity>) | undefined;
  /** Threads that compute hashes, shared with other uploads and closed by the caller. @default some of its own */
  readonly pool?: DigestPool | undefined;
}

export interface UploadResult extends TransferTotals, UploadedArchive {}

/** A source up to this size that fits one part is sent in one request. */
const oneRequestBytesMax = 32 * 1024 ** 2;
/** Parts hashed in advance, except of a stream, whose next part may arrive much later. */
const partsAhead = 1;

/**
 * Uploads a file, bytes, or a stream of unknown length as one archive. Parts that the service already has with the same hash are not sent
 * again. Both hashes of a part are computed in one pass, on another thread.
 *
 * A source of one part is sent in one request. With a journal, a Moraine server recognises that request for a day when it is repeated by
 * the same user, also after a restart. AWS does not, so to AWS every upload with a journal is sent in parts. Without a journal, a lost
 * response from AWS may leave a second archive.
 *
 * Throws TypeError for a source of an unknown kind, RangeError for an invalid part size, RangeFailedError, VerificationError,
 * SourceChangedError, JournalMismatchError, TransferBusyError while another process has the same journal, CompletionUnknownError, the
 * service's errors, and the signal's reason.
 */
export async function uploadArchive(
  client: GlacierClient,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadResult> {
  if (options.concurrency !== undefined) {
    assertCount("concurrency", options.concurrency);
  }
  const stack = new AsyncDisposableStack();
  try {
    const upload = await openUpload(client, source, options, stack);
    const archive =
      (await recompleteEarlier(upload)) ??
      (await startOrResume(upload, options).catch((error: unknown) => abortUnlessResumable(client, upload, error)));
    await closeAll(stack, upload, archive);
    return { ...archive, ...upload.context.progress.totals };
  } catch (error) {
    await stack.disposeAsync().catch(() => undefined); // The first error says more than one of the closing.
    throw error;
  }
}

async function openUpload(
  client: GlacierClient,
  source: UploadSource,
  options: UploadOptions,
  stack: AsyncDisposableStack,
): Promise<Upload> {
  const { vaultName, accountId, description, journal = null, restart = false, ifChanged = "fail" } = options;
  const pool = options.pool ?? stack.use(new DigestPool());
  const opened = stack.use(await openSource(source, pool));
  stack.use(options.pool === undefined ? pool : null); // Closed before the source, from which it may still be reading.
  let { signal = neverAborted } = options;
  if (journal !== null) {
    const lock = stack.use(await LockFile.take(`${journal}.lock`, lockOptionsOf(options)));
    signal = AbortSignal.any([signal, lock.lost]);
  }
  const place = { client: transferClient(client, options), vaultName, accountId };
  const identity = {
    vaultName,
    accountId: accountId ?? null,
    description: description ?? null,
    source: opened.identity,
  };
  const progress = new Progress(opened.sizeBytes, options.onEvent);
  const { concurrency = opened.sizeBytes === null ? 3 : 4, bandwidth } = options;
  return {
    place,
    source: opened,
    journal: stack.use(await openJournal(journal, { place, identity, restart, ifChanged, progress, signal })),
    context: {
      progress,
      bandwidth,
      signal,
      concurrency: Math.min(concurrency, bandwidth?.connectionsMax ?? concurrency),
    },
    description,
    beforeRequest: options.beforeRequest ?? null,
    mayBeAws: mayBeAws(client),
  };
}

/** Closes everything. A failure causes only a warning, since the archive exists by then. */
async function closeAll(
  stack: AsyncDisposableStack,
  { context }: Upload,
  { archiveId }: UploadedArchive,
): Promise<void> {
  try {
    await stack.disposeAsync();
  } catch (error) {
    const message = `Archive ${archiveId} is stored, but a file of the upload could not be closed or removed: ${asError(error).message}`;
    context.progress.emit({ kind: "warning", code: "not-cleaned-up", message });
  }
}

async function startOrResume(upload: Upload, { partSizeBytes }: UploadOptions): Promise<UploadedArchive> {
  const { place, source, journal, context, description } = upload;
  const resumed = await resumeUpload(place, journal, context);
  const size =
    resumed?.partSizeBytes ?? chosenPartSize(partSizeBytes, source.sizeBytes, context.bandwidth?.bytesPerSecond);
  const parts = hashedAhead(source.parts(size), source.sizeBytes === null ? 0 : partsAhead);
  if (resumed !== null) {
    return uploadParts(upload, resumed, parts);
  }
  const { first, isOnly, all } = await firstPart(parts, context.signal);
  const isResumableOnlyInParts = journal.isKept && upload.mayBeAws;
  if (isOnly && rangeLength(first) <= oneRequestBytesMax && !isResumableOnlyInParts) {
    return uploadInOneRequest(upload, first);
  }
  const started = await startUpload(place, journal, { partSizeBytes: size, description }, context.signal);
  return uploadParts(upload, started, all);
}

async function uploadParts(
  upload: Upload,
  multipart: MultipartUpload,
  parts: AsyncIterable<SourcePart>,
): Promise<UploadedArchive> {
  const { place, source, journal, context } = upload;
  const sent = await sendParts(place, multipart, parts, context);
  const archive = { sizeBytes: sent.sizeBytes, treeHash: combinedTreeHash(sent.treeHashes) };
  await source.assertUnchanged();
  await assertExpected(upload, multipart, archive);
  await journal.note({ completing: archive });
  const archiveId = await completeUpload(upload, archive);
  if (archiveId !== null) {
    assertAcceptedAs(journal.state, archive);
    return { archiveId, ...archive };
  }
  throw new Error(await differences(upload, multipart, sent));
}

/** Throws VerificationError if the parts make another archive than is known. Its upload is aborted, so that the next one starts over. */
async function assertExpected(
  { place, source, journal, context }: Upload,
  { uploadId }: MultipartUpload,
  { treeHash }: { readonly treeHash: string },
): Promise<void> {
  if (source.treeHash === undefined || source.treeHash === treeHash) {
    return;
  }
  const { client, vaultName, accountId } = place;
  await client.abortMultipartUpload({ vaultName, accountId, uploadId }, { signal: context.signal });
  await journal.note({ upload: null });
  const advice = "No archive was made, and the upload was aborted: upload again.";
  throw new VerificationError({ range: null, expected: source.treeHash, computed: treeHash }, advice);
}

/** Aborts an upload without a journal, which no later run could resume. */
async function abortUnlessResumable(client: GlacierClient, upload: Upload, error: unknown): Promise<never> {
  const { place, journal, context } = upload;
  const { upload: unfinished, completing } = journal.state;
  if (!journal.isKept && unfinished !== null && completing === null) {
    const { vaultName, accountId } = place;
    await client
      .abortMultipartUpload({ vaultName, accountId, uploadId: unfinished.uploadId })
      .catch((cause: unknown) => {
        const message = `Upload ${unfinished.uploadId} could not be aborted, so the service keeps its parts: ${asError(cause).message}`;
        context.progress.emit({ kind: "warning", code: "upload-not-aborted", message });
      });
  }
  throw error;
}

/** Reads until it is known whether there is a second part. Ends with the signal, since a pipe may neither continue nor end. */
async function firstPart(
  parts: AsyncIterable<SourcePart>,
  signal: AbortSignal,
): Promise<{ first: SourcePart; isOnly: boolean; all: AsyncGenerator<SourcePart> }> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await orAborted(iterator.next(), signal);
  if (first.done) {
    throw new RangeError("The source is empty: an archive has at least one byte");
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
