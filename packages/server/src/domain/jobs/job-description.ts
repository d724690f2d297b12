import { formatMilliseconds, formatRange, type GlacierJobDescription } from "@moraine/protocol";
import { arnOf, type VaultKey } from "../vaults/vault.ts";
import type { ArchiveRetrievalJob, InventoryRetrievalJob, Job } from "./job.ts";

const statusCodes = { in_progress: "InProgress", succeeded: "Succeeded", failed: "Failed" } as const;

/** A job as DescribeJob, ListJobs and notifications show it: every field is there, with null where it does not apply. */
export function describeJob(job: Job, vault: VaultKey): GlacierJobDescription {
  return {
    ...(job.action === "ArchiveRetrieval" ? archivePart(job) : inventoryPart(job)),
    Completed: job.state !== "in_progress",
    CompletionDate: job.completedAt === null ? null : formatMilliseconds(new Date(job.completedAt)),
    CreationDate: formatMilliseconds(new Date(job.createdAt)),
    JobDescription: job.description,
    JobId: job.id,
    SNSTopic: job.snsTopic,
    StatusCode: statusCodes[job.state],
    StatusMessage: job.statusMessage ?? "Operation in progress.",
    VaultARN: arnOf(vault),
  };
}

function archivePart(job: ArchiveRetrievalJob) {
  return {
    Action: job.action,
    ArchiveId: job.archiveId,
    ArchiveSHA256TreeHash: job.archiveTreeHash,
    ArchiveSizeInBytes: job.archiveSizeBytes,
    InventoryRetrievalParameters: null,
    InventorySizeInBytes: null,
    RetrievalByteRange: formatRange(job.range),
    SHA256TreeHash: job.rangeTreeHash,
    Tier: job.tier,
  };
}

function inventoryPart(job: InventoryRetrievalJob) {
  const { startDate, endDate, limit, marker } = job.selection;
  return {
    Action: job.action,
    ArchiveId: null,
    ArchiveSHA256TreeHash: null,
    ArchiveSizeInBytes: null,
    InventoryRetrievalParameters: {
      EndDate: endDate,
      Format: job.format,
      Limit: limit,
      // The marker that the job was given; once it has ended, the one of the next page: docs/wire.md#jobs
      Marker: job.output === null ? marker : job.output.nextMarker,
      StartDate: startDate,
    },
    InventorySizeInBytes: job.output?.sizeBytes ?? null,
    RetrievalByteRange: null,
    SHA256TreeHash: null,
    Tier: null,
  };
}
