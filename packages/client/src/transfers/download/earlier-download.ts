import { readFile } from "node:fs/promises";
import { parseRecords } from "../journal/journal-file.ts";
import { JournalMismatchError } from "../transfer-errors.ts";
import type { OutputFacts } from "./output-facts.ts";

/** The fields in the first line of a download's journal that identify the output. */
interface RecordedOutput {
  readonly vaultName: string;
  readonly archiveId: string | null;
  readonly inventoryJobId: string | null;
  readonly retrievalByteRange: string | null;
  readonly sizeBytes: number;
  readonly treeHash: string | null;
}

/** Reads the output's identity from the journal of an earlier download; null if there is none. */
async function recordedOutput(journal: string): Promise<RecordedOutput | null> {
  const bytes = await readFile(journal).catch(() => new Uint8Array());
  const [head] = parseRecords(bytes).records as Partial<RecordedOutput>[];
  return typeof head?.vaultName === "string" && Number.isSafeInteger(head.sizeBytes) ? (head as RecordedOutput) : null;
}

/**
 * Reads the facts of an archive's output from the journal of an earlier download, so that no job is needed to finish it. Null if the
 * journal has no tree hash. Throws JournalMismatchError for the journal of another output, before a job is started.
 */
export async function recordedArchive(
  journal: string,
  { vaultName, archiveId }: { readonly vaultName: string; readonly archiveId: string },
): Promise<OutputFacts | null> {
  const recorded = await recordedOutput(journal);
  if (recorded === null) {
    return null;
  }
  if (recorded.vaultName !== vaultName || recorded.archiveId !== archiveId) {
    throw mismatch(journal, recorded);
  }
  const { sizeBytes, treeHash, retrievalByteRange } = recorded;
  return treeHash === null || retrievalByteRange !== null
    ? null
    : { sizeBytes, treeHash, archiveTreeHash: treeHash, archiveId, retrievalByteRange };
}

/**
 * Reads the id of an inventory's job from the journal of an earlier download; null if there is none. Throws JournalMismatchError for the
 * journal of another output.
 */
export async function recordedInventory(journal: string, vaultName: string): Promise<string | null> {
  const recorded = await recordedOutput(journal);
  if (recorded !== null && (recorded.vaultName !== vaultName || recorded.inventoryJobId === null)) {
    throw mismatch(journal, recorded);
  }
  return recorded?.inventoryJobId ?? null;
}

function mismatch(journal: string, { vaultName, archiveId }: RecordedOutput): JournalMismatchError {
  const what = archiveId === null ? "the inventory" : `archive ${archiveId}`;
  return new JournalMismatchError(
    `${journal} is of another download: ${what} of vault ${vaultName}. Choose another target, or remove it and the partial file`,
  );
}
