import { hasCode } from "../../error-code.ts";
import { combinedTreeHash } from "../hashing/part-digest.ts";
import { inParallel } from "../in-parallel.ts";
import type { Progress } from "../progress.ts";
import { CompletionUnknownError, JournalMismatchError, SourceChangedError } from "../transfer-errors.ts";
import { archiveOf, assertAcceptedAs, completeUpload } from "./complete-upload.ts";
import { abortUnfinished, type UploadPlace } from "./multipart-upload.ts";
import { unknownLengthPartSizeBytes } from "./part-size.ts";
import type { SourcePart } from "./source-part.ts";
import type { Upload, UploadedArchive } from "./upload-context.ts";
import { forgetUpload, type UploadIdentity, UploadJournal, type UploadState } from "./upload-journal.ts";

/** How long an archive's id is returned again if the service cannot confirm it. */
const unconfirmedMillisecondsMax = 24 * 60 * 60 * 1000;

export interface EarlierOptions {
  readonly place: UploadPlace;
  readonly identity: UploadIdentity;
  readonly restart: boolean;
  readonly ifChanged: "fail" | "restart";
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Opens the journal of the requested upload. An earlier upload in it is discarded if it is another one or is not to be resumed; an
 * unfinished one only if the options allow that. Throws JournalMismatchError otherwise.
 */
export async function openJournal(path: string | null, options: EarlierOptions): Promise<UploadJournal> {
  const journal = await UploadJournal.open(path, options.identity);
  if (path === null) {
    return journal;
  }
  try {
    const differing = journal.differing ?? (await differingAccount(journal, options));
    if (differing === null && !options.restart) {
      return journal;
    }
    await discard(path, journal.state, differing, options);
  } catch (error) {
    await journal[Symbol.asyncDispose]();
    throw error;
  }
  await journal[Symbol.asyncDispose]();
  await forgetUpload(path);
  return UploadJournal.open(path, options.identity);
}

/** Discards an earlier upload. If it is finished or was never started, nothing is lost. */
async function discard(
  path: string,
  { upload, completing, archiveId }: UploadState,
  differing: string | null,
  { place, restart, ifChanged, progress, signal }: EarlierOptions,
): Promise<void> {
  const isUnfinished = upload !== null && archiveId === null;
  if (isUnfinished && !restart && ifChanged === "fail") {
    throw new JournalMismatchError(`${path} is of another upload: its ${differing} differs. Nothing was changed`);
  }
  if (isUnfinished && differing !== "account") {
    await abortUnfinished(place.client, path, signal);
  }
  const why = restart ? "as requested" : `since its ${differing} differs`;
  const warn = (earlier: string) => {
    const message = `The upload in the journal is not resumed, ${why}: a new one starts${earlier}`;
    progress.emit({ kind: "warning", code: "journal-discarded", message });
  };
  if (archiveId !== null) {
    warn(`. The earlier one has stored archive ${archiveId}`);
  } else if (completing !== null) {
    warn(`. The earlier one may have stored ${archiveOf(completing)}; look for it in the next inventory`);
  } else if (isUnfinished && !restart) {
    warn("");
  }
}

/**
 * Asks the service for the vault's account, and compares it. Null if it is the same, or if the caller lacks the permission: then the
 * upload's own requests must show it.
 */
async function differingAccount(
  { state }: UploadJournal,
  { place: { client, vaultName, accountId }, restart, signal }: EarlierOptions,
): Promise<"account" | null> {
  if (state.account === null || restart) {
    return null;
  }
  try {
    const { VaultARN } = await client.describeVault({ vaultName, accountId }, { signal });
    return VaultARN?.split(":")[4] === state.account ? null : "account";
  } catch (error) {
    if (hasCode(error, "AccessDeniedException")) {
      return null;
    }
    throw error;
  }
}

/** Completes again an earlier upload in parts that was to be completed, which gives the same archive. Null if there is none. */
export async function recompleteEarlier(upload: Upload): Promise<UploadedArchive | null> {
  const { journal, source } = upload;
  const { completing, upload: unfinished } = journal.state;
  if (completing === null || unfinished === null) {
    return null;
  }
  const archiveId = await confirmedId(upload, completing);
  if (archiveId === null) {
    return null;
  }
  assertAcceptedAs(journal.state, completing); // Compares the hash that the service has just reported, if it was asked.
  if (source.identity === null) {
    await assertSameBytes(upload, completing, archiveId);
  }
  upload.context.progress.resumed(completing.sizeBytes);
  return { archiveId, ...completing };
}

/** Returns the archive's id, confirmed by the service. AWS forgets completed uploads soon: there, the journal's id counts for a day. */
async function confirmedId(upload: Upload, completing: NonNullable<UploadState["completing"]>): Promise<string | null> {
  const { journal, context, mayBeAws } = upload;
  const { archiveId, storedAt } = journal.state;
  try {
    return await completeUpload(upload, completing);
  } catch (error) {
    if (archiveId === null || !(error instanceof CompletionUnknownError)) {
      throw error;
    }
    if (mayBeAws && storedAt !== null && journal.ageOf(storedAt) < unconfirmedMillisecondsMax) {
      return archiveId;
    }
    const message = `The service no longer knows the upload that made archive ${archiveId}, which may have been deleted; a new one starts`;
    context.progress.emit({ kind: "warning", code: "journal-discarded", message });
    await journal.note({ upload: null, completing: null, archiveId: null, checksum: null, storedAt: null });
    return null;
  }
}

async function assertSameBytes({ source, context }: Upload, archive: { readonly treeHash: string }, archiveId: string) {
  const treeHashes: string[] = [];
  const hash = async (part: SourcePart) => {
    treeHashes[part.index] = (await part.digest()).treeHash;
    part.release();
  };
  await inParallel(source.parts(unknownLengthPartSizeBytes), context.concurrency, hash, context.signal);
  if (combinedTreeHash(treeHashes) !== archive.treeHash) {
    throw new SourceChangedError(
      `The journal's upload is complete: archive ${archiveId}. The bytes now differ; upload them with another journal`,
    );
  }
}
