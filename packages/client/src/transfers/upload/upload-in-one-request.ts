import { rangeLength } from "@moraine/protocol";
import { GlacierServiceError } from "../../errors.ts";
import { isOutcomeUnknown } from "../../http/retry.ts";
import {
  asError,
  type CompletionUnknownError,
  RangeFailedError,
  SourceChangedError,
  VerificationError,
} from "../transfer-errors.ts";
import { archiveOf, completionUnknown, isRefusal, keepArchive } from "./complete-upload.ts";
import { sendPart } from "./send-part.ts";
import type { SourcePart } from "./source-part.ts";
import type { Upload, UploadedArchive } from "./upload-context.ts";
import type { Completion, UploadJournal } from "./upload-journal.ts";

/** How long a request may be repeated. Moraine's servers recognise it for a day; clocks differ, and the first request took some time. */
const repeatableMilliseconds = 23 * 60 * 60 * 1000;

/**
 * Uploads a source of one part. With a journal, its request has an id that is recorded before anything is sent: a later run repeats
 * the request under the same id, and a Moraine server gives the archive that the first one made.
 */
export async function uploadInOneRequest(upload: Upload, part: SourcePart): Promise<UploadedArchive> {
  const { place, source, journal, context, description } = upload;
  const { client, vaultName, accountId } = place;
  const digest = await part.digest();
  const archive = { sizeBytes: rangeLength(part), treeHash: digest.treeHash };
  if (source.treeHash !== undefined && source.treeHash !== digest.treeHash) {
    const what = { range: null, expected: source.treeHash, computed: digest.treeHash };
    throw new VerificationError(what, "Nothing was sent.");
  }
  const { invocationId, isRepeated } = await (upload.beforeRequest?.({ ...archive, sha256: digest.sha256 }) ??
    recordRequest(upload, archive));
  let completeBodies = isRepeated ? 1 : 0;
  const watched = {
    ...part,
    open: () =>
      beforeLastPiece(part.open(), archive.sizeBytes, () => {
        completeBodies += 1;
      }),
  };
  try {
    const { archiveId, checksum = null } = await sendPart(
      watched,
      digest,
      (body) =>
        client.uploadArchive(
          { vaultName, accountId, archiveDescription: description, body },
          { signal: context.signal, invocationId, isRepeatable: !isSentOnce(upload) },
        ),
      context,
    );
    await keepArchive(upload, { archiveId, checksum });
    context.progress.verified(archive.sizeBytes);
    return { archiveId, ...archive };
  } catch (error) {
    const isStoredNowhere = completeBodies === 0 || (!isRepeated && isAlwaysRefused(error, completeBodies, upload));
    if (isStoredNowhere) {
      await forgetRequest(journal);
    }
    throw isStoredNowhere || journal.isKept || isDecided(error) ? error : unknownOutcome(error, archive);
  }
}

/** To AWS, which does not recognise a repeated request, one whose response was lost is not sent again. */
const isSentOnce = ({ beforeRequest, mayBeAws }: Upload): boolean => beforeRequest !== null && mayBeAws;

/** Whether the service has refused each attempt of the request. Without repetitions after a lost response, the last refusal shows it. */
function isAlwaysRefused(error: unknown, completeBodies: number, upload: Upload): boolean {
  return isSentOnce(upload)
    ? error instanceof GlacierServiceError && !isOutcomeUnknown(error)
    : completeBodies === 1 && isRefusal(error);
}

/** The error without a journal, by which a later run could ask again. */
function unknownOutcome(error: unknown, archive: Completion): CompletionUnknownError {
  const what = `Whether the service has stored the archive is not known (${asError(error).message})`;
  return completionUnknown(what, archive, error);
}

/** Records the request in the journal. Returns its id, and whether an earlier run has sent it; no id without a journal. */
async function recordRequest(
  { journal, context }: Upload,
  archive: Completion,
): Promise<{ readonly invocationId?: string; readonly isRepeated: boolean }> {
  if (!journal.isKept) {
    return { isRepeated: false };
  }
  const { request, completing, archiveId } = journal.state;
  if (request !== null && completing !== null) {
    const isSame = completing.treeHash === archive.treeHash && completing.sizeBytes === archive.sizeBytes;
    if (isSame && journal.ageOf(request.madeAt) < repeatableMilliseconds) {
      return { invocationId: request.invocationId, isRepeated: true };
    }
    const what = archiveId === null ? `may have stored ${archiveOf(completing)}` : `has stored archive ${archiveId}`;
    const message = `An earlier run ${what}; the service can no longer tell it from this upload, which makes another archive`;
    context.progress.emit({ kind: "warning", code: "journal-discarded", message });
  }
  const invocationId = crypto.randomUUID();
  await journal.note({
    request: { invocationId, madeAt: journal.now() },
    completing: archive,
    archiveId: null,
    checksum: null,
  });
  return { invocationId, isRepeated: false };
}

/** Removes the request from the journal: nothing was stored, so there is nothing to resume. */
async function forgetRequest(journal: UploadJournal): Promise<void> {
  await journal.note({ request: null, completing: null }).catch(() => undefined);
}

/** Calls back before the last piece is passed on. Before that, the service cannot have the archive. */
async function* beforeLastPiece(
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  act: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  let leftBytes = sizeBytes;
  for await (const piece of pieces) {
    leftBytes -= piece.length;
    if (leftBytes <= 0) {
      act();
    }
    yield piece;
  }
}

/** Whether the error itself shows the outcome: each attempt was refused, or the archive's id is in the message. */
function isDecided(error: unknown): boolean {
  return [VerificationError, RangeFailedError, SourceChangedError].some((known) => error instanceof known);
}
