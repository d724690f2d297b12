import { type ArchiveShapes, archiveOperations } from "./archives.ts";
import { type DataRetrievalPolicyShapes, dataRetrievalPolicyOperations } from "./data-retrieval-policy.ts";
import { type JobShapes, jobOperations } from "./jobs.ts";
import { type MultipartUploadShapes, multipartUploadOperations } from "./multipart-uploads.ts";
import type { Operation } from "./operation.ts";
import { type ProvisionedCapacityShapes, provisionedCapacityOperations } from "./provisioned-capacity.ts";
import { type VaultAccessPolicyShapes, vaultAccessPolicyOperations } from "./vault-access-policy.ts";
import { type VaultLockShapes, vaultLockOperations } from "./vault-lock.ts";
import { type VaultNotificationShapes, vaultNotificationOperations } from "./vault-notifications.ts";
import { type VaultTagShapes, vaultTagOperations } from "./vault-tags.ts";
import { type VaultShapes, vaultOperations } from "./vaults.ts";

const table = {
  ...vaultOperations,
  ...archiveOperations,
  ...multipartUploadOperations,
  ...jobOperations,
  ...vaultNotificationOperations,
  ...vaultAccessPolicyOperations,
  ...vaultLockOperations,
  ...vaultTagOperations,
  ...dataRetrievalPolicyOperations,
  ...provisionedCapacityOperations,
} as const;

/** As AWS spells it; with the prefix `glacier:` it is also the name of the permission. */
export type OperationName = keyof typeof table;

/** The names of the operations whose row has this value (or one of these) in this column. */
export type OperationNameWith<Column extends keyof Operation, Value extends Operation[Column]> = {
  [Name in OperationName]: (typeof table)[Name] extends Readonly<Record<Column, Value>> ? Name : never;
}[OperationName];

/** The whole wire: the 33 operations of the API of 2012-06-01. */
export const operations: { readonly [Name in OperationName]: Operation } = table;

/**
 * The input and the output of each operation, under AWS's own names: fields of path, query and headers begin with a lower-case
 * letter, fields of JSON bodies with a capital. Bodies of bytes are passed next to these.
 */
export interface OperationShapes
  extends VaultShapes,
    ArchiveShapes,
    MultipartUploadShapes,
    JobShapes,
    VaultNotificationShapes,
    VaultAccessPolicyShapes,
    VaultLockShapes,
    VaultTagShapes,
    DataRetrievalPolicyShapes,
    ProvisionedCapacityShapes {}
