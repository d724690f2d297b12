import {
  damagedArchiveMessage,
  type GlacierJobDescription,
  isTreeHashAligned,
  limits,
  parseRetrievalByteRange,
  rangeLength,
} from "@moraine/protocol";
import type { GlacierClient } from "../../glacier-client.ts";
import { DamagedArchiveError, JobFailedError, JobNotReadyError } from "../transfer-errors.ts";

/** A job of a vault. */
export interface JobReference {
  readonly vaultName: string;
  readonly jobId: string;
  /** Twelve digits, where the vault is another account's. @default the caller's own */
  readonly accountId?: string | undefined;
}

/** The facts of an output in its job's description. */
export interface OutputFacts {
  readonly sizeBytes: number;
  /** The tree hash of the entire output. Null if the service knows none: for an inventory, and for a range that is no node of the tree. */
  readonly treeHash: string | null;
  /** The tree hash of the entire archive, which some servers send instead of a range's. */
  readonly archiveTreeHash: string | null;
  /** Null for an inventory. */
  readonly archiveId: string | null;
  /** The range of the archive that the job was requested for; null for the entire archive. */
  readonly retrievalByteRange: string | null;
}

/** Returns the facts of a job's output. Throws JobNotReadyError while the job is in progress, and JobFailedError if it has failed. */
export async function outputFacts(client: GlacierClient, job: JobReference, signal: AbortSignal): Promise<OutputFacts> {
  const description = await client.describeJob(job, { signal });
  if (description.StatusCode === "Failed") {
    throw failureOf(description);
  }
  if (description.StatusCode !== "Succeeded") {
    const message = `Job ${job.jobId} is still in progress; wait for it, then try again`;
    throw new JobNotReadyError(job.jobId, message, description.ArchiveSizeInBytes ?? null);
  }
  return description.Action === "InventoryRetrieval" ? inventoryFacts(description) : archiveFacts(description);
}

function failureOf({ JobId, ArchiveId, StatusMessage }: GlacierJobDescription): JobFailedError {
  const message = `Job ${JobId} failed: ${StatusMessage ?? "the service does not say why"}`;
  const isDamaged = ArchiveId != null && StatusMessage === damagedArchiveMessage(ArchiveId);
  return isDamaged ? new DamagedArchiveError(message) : new JobFailedError(message);
}

// Some of AWS's own examples omit fields that are null elsewhere.
function archiveFacts(description: GlacierJobDescription): OutputFacts {
  const { ArchiveSHA256TreeHash = null, RetrievalByteRange = null, SHA256TreeHash = null } = description;
  const archiveSizeBytes = sizeOf("archive", description.ArchiveSizeInBytes, description);
  const range = RetrievalByteRange === null ? null : parseRetrievalByteRange(RetrievalByteRange, archiveSizeBytes);
  const sizeBytes = range === null ? archiveSizeBytes : rangeLength(range);
  const isWhole = sizeBytes === archiveSizeBytes;
  const isNode = range === null || isTreeHashAligned(range, archiveSizeBytes);
  return {
    sizeBytes,
    treeHash: lowerCase(isWhole ? (ArchiveSHA256TreeHash ?? SHA256TreeHash) : isNode ? SHA256TreeHash : null),
    archiveTreeHash: lowerCase(ArchiveSHA256TreeHash),
    archiveId: description.ArchiveId,
    retrievalByteRange: isWhole ? null : RetrievalByteRange,
  };
}

function inventoryFacts(description: GlacierJobDescription): OutputFacts {
  return {
    sizeBytes: sizeOf("inventory", description.InventorySizeInBytes, description),
    treeHash: null,
    archiveTreeHash: null,
    archiveId: null,
    retrievalByteRange: null,
  };
}

/**
 * Returns the size of an output. Throws JobFailedError for none or 0, since the output would count as complete before a byte was received,
 * and for more than an archive can have, since disk space and ranges are planned by the size.
 */
function sizeOf(what: string, sizeBytes: number | null | undefined, { JobId }: GlacierJobDescription): number {
  if (!sizeBytes) {
    throw new JobFailedError(`Job ${JobId} does not say how large its ${what} is, so its output cannot be verified`);
  }
  if (!(Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes <= limits.archiveSizeBytesMax)) {
    const most = `at most ${limits.archiveSizeBytesMax} bytes`;
    throw new JobFailedError(`Job ${JobId} says that its ${what} has ${sizeBytes} bytes: expected ${most}`);
  }
  return sizeBytes;
}

const lowerCase = (hash: string | null): string | null => hash?.toLowerCase() ?? null;
