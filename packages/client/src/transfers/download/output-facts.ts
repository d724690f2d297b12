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

/** What a job's description says of its output. */
export interface OutputFacts {
  readonly sizeBytes: number;
  /** Of the whole output; null when the service can know none: of an inventory, or of a range that is no node. */
  readonly treeHash: string | null;
  /** Of the whole archive: what some servers send in place of a range's. */
  readonly archiveTreeHash: string | null;
  /** Null for an inventory. */
  readonly archiveId: string | null;
  /** Of the archive, as the job was asked for it. */
  readonly retrievalByteRange: string | null;
}

/** Throws JobNotReadyError while the job is under way, and JobFailedError when there will be no output. */
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

// Some of AWS's own examples leave out what is null elsewhere.
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
 * Nothing here is empty: output without a size, or of size 0, would be taken for complete before a byte has come. Nor is anything
 * larger than an archive can be: space and ranges are planned by this number.
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
