import { messageOf } from "../exit-codes.ts";
import { findKnown } from "./known-archive.ts";
import { type DescribedFile, described } from "./local/described-file.ts";
import { isOfOneFile, UnknownOutcomeError } from "./local/file-failure.ts";
import type { LocalEntry } from "./local/local-entry.ts";
import { recordArchive } from "./record-archive.ts";
import type { Sending } from "./sending.ts";
import { uploadFile } from "./upload-file.ts";

/** Sends a file unless the vault has it, and reports what became of it. Throws errors that concern all files. */
export async function sendEntry(sending: Sending, entry: LocalEntry, signal: AbortSignal): Promise<void> {
  const { progress } = sending;
  const { path } = entry;
  if (entry.kind !== "file") {
    progress.ended({ state: entry.kind, path, message: entry.reason });
    return;
  }
  const { sizeBytes } = entry;
  try {
    const file = described(entry, sending.format);
    await sending.turns.take(file.decodedPath, () => sendFile(sending, file, signal));
  } catch (error) {
    signal.throwIfAborted();
    const state = stateAfter(error, sending);
    progress.ended({ state, path, sizeBytes, message: messageOf(error) });
  }
}

/** Returns the state of a file that was not sent. Throws the error if it concerns all files. */
function stateAfter(error: unknown, sending: Sending): "unknown" | "failed" {
  if (error instanceof UnknownOutcomeError) {
    sending.lostResponses += error.cause === undefined ? 0 : 1;
    if (sending.lostResponses >= lostResponsesMax) {
      throw reasonOf(error);
    }
    return "unknown";
  }
  if (!isOfOneFile(error)) {
    throw error;
  }
  return "failed";
}

/** After this many failures in a row, the network does not work. */
const lostResponsesMax = 10;

/** Returns the error of the service below those that say that the outcome is unknown. */
function reasonOf(error: Error): Error {
  const isOfOutcome = ["UnknownOutcomeError", "CompletionUnknownError"].includes(error.name);
  return isOfOutcome && error.cause instanceof Error ? reasonOf(error.cause) : error;
}

async function sendFile(sending: Sending, file: DescribedFile, signal: AbortSignal): Promise<void> {
  const { path, sizeBytes, decodedPath } = file;
  const known = await findKnown(sending, file, decodedPath, signal);
  if (known !== null) {
    sending.progress.ended({ state: "known", path, sizeBytes, archiveId: known.archiveId });
    return;
  }
  const stored = await uploadFile(sending, file, signal);
  sending.lostResponses = 0;
  await recordArchive(sending, file, stored);
  sending.progress.ended({ state: "sent", path, sizeBytes: stored.sizeBytes, archiveId: stored.archiveId });
}
