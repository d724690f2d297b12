import type {
  ByteRange,
  DataRetrievalStrategy,
  InventoryFormat,
  InventoryRetrievalJobInput,
  JobStatusCode,
  JobTier,
  VaultAccessPolicy,
  VaultNotificationConfig,
} from "@moraine/protocol";

/**
 * Inputs whose types differ from the wire's: numbers for digits, ranges for strings, and for some strings the values that the service
 * knows. Some that are required here are optional in the protocol, so that the service can respond with the right error.
 */
export interface NaturalInputs {
  readonly InitiateMultipartUpload: {
    /** Bytes of each part but the last: a power of two from 1 MiB to 4 GiB. */
    readonly partSize: number | string;
  };
  readonly UploadMultipartPart: {
    /** The part's place in the archive. */
    readonly range: ByteRange;
  };
  readonly CompleteMultipartUpload: {
    /** Bytes of the entire archive. */
    readonly archiveSize: number | string;
    /** Tree hash of the entire archive: `TreeHash.ofParts` combines those of the parts. */
    readonly checksum: string;
  };
  readonly InitiateJob: {
    /** The archive or the inventory to retrieve. */
    readonly jobParameters: JobParameters;
  };
  readonly ListJobs: {
    /** Lists jobs in this state only. */
    readonly statuscode?: JobStatusCode | undefined;
    /** Lists jobs that have ended, or those that have not. */
    readonly completed?: boolean | undefined;
  };
  readonly GetJobOutput: {
    /** The bytes to read. Its checksum can be compared where the range is aligned to the tree. @default the entire output */
    readonly range?: ByteRange | undefined;
  };
  readonly SetVaultNotifications: {
    /** The topic, and the events that it is notified of. */
    readonly vaultNotificationConfig: VaultNotificationConfig;
  };
  readonly SetVaultAccessPolicy: {
    /** The policy document, as text. */
    readonly policy: VaultAccessPolicy;
  };
  readonly InitiateVaultLock: {
    /** The policy document, as text. */
    readonly policy: { readonly Policy: string };
  };
  readonly AddTagsToVault: {
    /** Values by key. */
    readonly Tags: Readonly<Record<string, string>>;
  };
  readonly RemoveTagsFromVault: {
    /** Keys of the tags. */
    readonly TagKeys: readonly string[];
  };
  readonly SetDataRetrievalPolicy: {
    /** Exactly one rule. */
    readonly Policy: { readonly Rules: readonly DataRetrievalRuleInput[] };
  };
}

/** The parameters of a job that `initiateJob` starts. */
export interface JobParameters {
  readonly Type: "archive-retrieval" | "inventory-retrieval";
  /** The archive of an archive retrieval. */
  readonly ArchiveId?: string | undefined;
  /** Shown with the job: up to 1,024 printable ASCII characters. */
  readonly Description?: string | undefined;
  /** ARN of a topic that is notified when this job ends, next to the vault's own. */
  readonly SNSTopic?: string | undefined;
  /** The speed, and so the price, of an archive retrieval. @default `Standard` */
  readonly Tier?: JobTier | undefined;
  /** The range of an archive retrieval, `{first}-{last}`, whole MiB. @default the entire archive */
  readonly RetrievalByteRange?: string | undefined;
  /** The format of an inventory. @default `JSON` */
  readonly Format?: InventoryFormat | undefined;
  /** The archives that an inventory lists. @default all */
  readonly InventoryRetrievalParameters?: InventoryRetrievalJobInput | undefined;
}

/** The one rule of a data retrieval policy. */
export interface DataRetrievalRuleInput {
  readonly Strategy: DataRetrievalStrategy;
  /** The limit of the strategy `BytesPerHour`; a bigint where a number could not hold it. */
  readonly BytesPerHour?: number | bigint | undefined;
}
