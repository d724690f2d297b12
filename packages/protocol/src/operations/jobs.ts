import type { InventoryFormat } from "../inventory.ts";
import { type Operation, type PageInput, pageQuery, type VaultInput } from "./operation.ts";

const initiateHeaders = {
  location: "Location",
  jobId: "x-amz-job-id",
  jobOutputPath: "x-amz-job-output-path",
} as const;
const outputHeaders = {
  checksum: "x-amz-sha256-tree-hash",
  contentRange: "Content-Range",
  acceptRanges: "Accept-Ranges",
  contentType: "Content-Type",
  archiveDescription: "x-amz-archive-description",
} as const;

// biome-ignore format: one line per operation reads as a table.
export const jobOperations = {
  InitiateJob:  { method: "POST", path: "/{accountId}/vaults/{vaultName}/jobs",                status: 202, request: "json", requestPayload: "jobParameters", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all", isCharged: true, responseHeaders: initiateHeaders },
  DescribeJob:  { method: "GET",  path: "/{accountId}/vaults/{vaultName}/jobs/{jobId}",        status: 200, request: "none", response: "json",  account: "owner", vault: "exists", resource: "vault", policies: "all" },
  ListJobs:     { method: "GET",  path: "/{accountId}/vaults/{vaultName}/jobs",                status: 200, request: "none", response: "json",  account: "owner", vault: "exists", resource: "vault", policies: "all", query: { ...pageQuery, statuscode: "statuscode", completed: "completed" } },
  GetJobOutput: { method: "GET",  path: "/{accountId}/vaults/{vaultName}/jobs/{jobId}/output", status: 200, request: "none", response: "bytes", account: "owner", vault: "exists", resource: "vault", policies: "all", headers: { range: "Range" }, responseHeaders: outputHeaders },
} as const satisfies Record<string, Operation>;

export interface JobShapes {
  InitiateJob: { input: InitiateJobInput; output: InitiateJobOutput };
  DescribeJob: { input: JobInput; output: GlacierJobDescription };
  ListJobs: { input: ListJobsInput; output: ListJobsOutput };
  GetJobOutput: { input: GetJobOutputInput; output: GetJobOutputOutput };
}

export interface JobInput extends VaultInput {
  /** As InitiateJob returned it; it is valid for 24 hours after the job has ended. */
  readonly jobId: string;
}

export interface InitiateJobInput extends VaultInput {
  /** The whole JSON body, its fields at the top level; absent when there is no body. */
  readonly jobParameters?: JobParameters | undefined;
}

/** As the client wrote them; the service says which values are legal. */
export interface JobParameters {
  /** `archive-retrieval` or `inventory-retrieval`. */
  readonly Type?: string | undefined;
  readonly ArchiveId?: string | undefined;
  readonly Description?: string | undefined;
  readonly SNSTopic?: string | undefined;
  /** `Standard` when absent. */
  readonly Tier?: string | undefined;
  /** `{first}-{last}` within the archive. */
  readonly RetrievalByteRange?: string | undefined;
  /** The form of an inventory; `JSON` when absent. */
  readonly Format?: string | undefined;
  readonly InventoryRetrievalParameters?: InventoryRetrievalJobInput | undefined;
}

export interface InventoryRetrievalJobInput {
  /** Archives created at or after this date. */
  readonly StartDate?: string | undefined;
  /** Archives created before this date. */
  readonly EndDate?: string | undefined;
  /** Items at most, in decimal digits. */
  readonly Limit?: string | undefined;
  readonly Marker?: string | undefined;
}

export interface InitiateJobOutput {
  /** `/{accountId}/vaults/{vaultName}/jobs/{jobId}`. */
  readonly location: string;
  readonly jobId: string;
}

export type JobStatusCode = "InProgress" | "Succeeded" | "Failed";
export type JobTier = "Expedited" | "Standard" | "Bulk";

/** Fields that do not concern the kind of job are null, never absent; those of retired `select` jobs are left out. */
export interface GlacierJobDescription {
  readonly Action: "ArchiveRetrieval" | "InventoryRetrieval";
  readonly ArchiveId: string | null;
  /** The tree hash of the entire archive, also for a job of a range; likewise the size. */
  readonly ArchiveSHA256TreeHash: string | null;
  readonly ArchiveSizeInBytes: number | null;
  readonly Completed: boolean;
  readonly CompletionDate: string | null;
  readonly CreationDate: string;
  readonly InventoryRetrievalParameters: InventoryRetrievalJobDescription | null;
  /** Bytes of the inventory document, once there is one. */
  readonly InventorySizeInBytes: number | null;
  readonly JobDescription: string | null;
  readonly JobId: string;
  readonly RetrievalByteRange: string | null;
  /** The tree hash of the range; null unless the range is tree-hash aligned. */
  readonly SHA256TreeHash: string | null;
  readonly SNSTopic: string | null;
  readonly StatusCode: JobStatusCode;
  readonly StatusMessage: string | null;
  readonly Tier: JobTier | null;
  readonly VaultARN: string;
}

export interface InventoryRetrievalJobDescription {
  readonly EndDate: string | null;
  readonly Format: InventoryFormat;
  readonly Limit: string | null;
  /** While the job runs, the one it was given; afterwards where the next page starts, null at the end. */
  readonly Marker: string | null;
  readonly StartDate: string | null;
}

export interface ListJobsInput extends VaultInput, PageInput {
  readonly statuscode?: string | undefined;
  /** `true` or `false`. */
  readonly completed?: string | undefined;
}

export interface ListJobsOutput {
  readonly JobList: readonly GlacierJobDescription[];
  readonly Marker: string | null;
}

export interface GetJobOutputInput extends JobInput {
  readonly range?: string | undefined;
}

export interface GetJobOutputOutput {
  /** 206 for a range, 200 for the whole. */
  readonly status: 200 | 206;
  /** Tree hash of exactly the bytes of this response, where the service gives one. */
  readonly checksum?: string | undefined;
  readonly contentRange?: string | undefined;
  readonly acceptRanges: string;
  readonly contentType: string;
  readonly archiveDescription?: string | undefined;
}
