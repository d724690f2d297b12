export type {
  AccessKeyDescription,
  AccessKeyStatus,
  KeyOwnerInput,
  ListAccessKeysOutput,
  NamedKeyInput,
  NewAccessKey,
} from "./admin/access-keys.ts";
export { accessKeyStatuses } from "./admin/access-keys.ts";
export type {
  AccountDescription,
  CreateAccountInput,
  CreateAccountOutput,
  ListAccountsOutput,
  NamedAccountInput,
} from "./admin/accounts.ts";
export { adminErrors } from "./admin/admin-errors.ts";
export { adminLimits, isIdentityName } from "./admin/admin-limits.ts";
export type { AdminOperation, AdminPageInput, UserInput } from "./admin/admin-operation.ts";
export {
  type AuditEntryDescription,
  type AuditHeadDescription,
  auditFilters,
  type ListAuditEntriesInput,
  type ListAuditEntriesOutput,
} from "./admin/audit.ts";
export type { AdvanceClockInput, ClockDescription } from "./admin/clock.ts";
export type { DamageDescription } from "./admin/damage.ts";
export type { FaultDescription, FaultModeName, ListFaultsOutput, PutFaultInput } from "./admin/faults.ts";
export type { HealthDescription, StorageDescription } from "./admin/health.ts";
export { type AdminBodyName, type AdminOperationName, type AdminShapes, adminOperations } from "./admin/index.ts";
export type { NodeDescription } from "./admin/nodes.ts";
export {
  type ListNotificationsInput,
  type ListNotificationsOutput,
  type NotificationDescription,
  type NotificationStateName,
  notificationStates,
} from "./admin/notifications.ts";
export type { ListUserPoliciesOutput, UserPolicyDescription, UserPolicyInput } from "./admin/policies.ts";
export type { CreateSessionInput, CreateSessionOutput } from "./admin/sessions.ts";
export type {
  MatchedStatementDescription,
  SimulatePolicyInput,
  SimulatePolicyOutput,
} from "./admin/simulation.ts";
export type { ListRequestCountsOutput, RequestCount } from "./admin/testing.ts";
export type { ListUsersOutput, UserDescription } from "./admin/users.ts";
export { parseDuration, parseSize, unitSeconds } from "./amounts.ts";
export { type AuditAnchor, anchorText, parseAnchor, type UnsignedAnchor } from "./audit-anchor.ts";
export {
  type AuditOutcome,
  type AuditRecord,
  type AuditRow,
  auditOutcomes,
  auditText,
  type ChainPlace,
  chainOrigin,
  pruningOperation,
  pruningSubject,
} from "./audit-chain.ts";
export { type AnchoredPlace, AuditChainCheck, type AuditCheckResult } from "./audit-check.ts";
export {
  type ByteRange,
  formatContentRange,
  formatRange,
  parseContentRange,
  parseRangeHeader,
  parseRetrievalByteRange,
  rangeLength,
} from "./byte-range.ts";
export { canonicalRequest, type SignedRequest, uriEncode } from "./canonical-request.ts";
export { damagedArchiveMessage, damagedDataMessage } from "./damage-messages.ts";
export { millisecondsPer, secondsPer } from "./durations.ts";
export { type ErrorCode, errorBody, errorStatus, errors, GlacierError, OverloadError } from "./errors.ts";
export {
  type AccountId,
  type ArchiveId,
  type Branded,
  idLengths,
  isAccountId,
  isTreeHash,
  isVaultName,
  type JobId,
  partitionOf,
  type TreeHash,
  type UploadId,
  type VaultName,
  vaultArn,
  vaultNameFromArn,
} from "./ids.ts";
export {
  type InventoryFormat,
  type InventoryItem,
  type InventoryWriter,
  inventoriesHeader,
  inventoryContentType,
  inventoryWriters,
} from "./inventory.ts";
export { decodeInventoryMarker, encodeInventoryMarker, type InventoryPosition } from "./inventory-marker.ts";
export { exactNumber, parseLossless } from "./json-numbers.ts";
export { LeafHasher, type LeafSha256 } from "./leaf-hasher.ts";
export { isDescription, isPartSize, limits } from "./limits.ts";
export type { ArchiveCreationOutput, DeleteArchiveInput, UploadArchiveInput } from "./operations/archives.ts";
export type {
  DataRetrievalPolicy,
  DataRetrievalPolicyInput,
  DataRetrievalRule,
  DataRetrievalRuleInput,
  DataRetrievalStrategy,
  GetDataRetrievalPolicyOutput,
  SetDataRetrievalPolicyInput,
} from "./operations/data-retrieval-policy.ts";
export { type OperationName, type OperationNameWith, type OperationShapes, operations } from "./operations/index.ts";
export type {
  GetJobOutputInput,
  GetJobOutputOutput,
  GlacierJobDescription,
  InitiateJobInput,
  InitiateJobOutput,
  InventoryRetrievalJobDescription,
  InventoryRetrievalJobInput,
  JobInput,
  JobParameters,
  JobStatusCode,
  JobTier,
  ListJobsInput,
  ListJobsOutput,
} from "./operations/jobs.ts";
export type {
  CompleteMultipartUploadInput,
  InitiateMultipartUploadInput,
  InitiateMultipartUploadOutput,
  ListMultipartUploadsInput,
  ListMultipartUploadsOutput,
  ListPartsInput,
  ListPartsOutput,
  PartListElement,
  UploadInput,
  UploadListElement,
  UploadMultipartPartInput,
  UploadMultipartPartOutput,
} from "./operations/multipart-uploads.ts";
export type { AccountInput, EmptyOutput, Operation, PageInput, VaultInput } from "./operations/operation.ts";
export type {
  ListProvisionedCapacityOutput,
  ProvisionedCapacityDescription,
  PurchaseProvisionedCapacityOutput,
} from "./operations/provisioned-capacity.ts";
export type {
  GetVaultAccessPolicyOutput,
  SetVaultAccessPolicyInput,
  VaultAccessPolicy,
} from "./operations/vault-access-policy.ts";
export type {
  CompleteVaultLockInput,
  GetVaultLockOutput,
  InitiateVaultLockInput,
  InitiateVaultLockOutput,
  VaultLockPolicy,
  VaultLockState,
} from "./operations/vault-lock.ts";
export type {
  GetVaultNotificationsOutput,
  SetVaultNotificationsInput,
  VaultNotificationConfig,
  VaultNotificationEvent,
} from "./operations/vault-notifications.ts";
export type {
  AddTagsToVaultInput,
  ListTagsForVaultOutput,
  RemoveTagsFromVaultInput,
} from "./operations/vault-tags.ts";
export type { CreateVaultOutput, DescribeVaultOutput, ListVaultsInput, ListVaultsOutput } from "./operations/vaults.ts";
export { parseQuery } from "./query.ts";
export {
  type Authorization,
  algorithm,
  type CredentialScope,
  formatAmzDate,
  formatScope,
  parseAmzDate,
  parseAuthorizationHeader,
  parseCredential,
  stringToSign,
} from "./sigv4.ts";
export { formatMilliseconds, formatSeconds } from "./timestamps.ts";
export {
  type Digest,
  fromHex,
  isHexBytes,
  isTreeHashAligned,
  leafCount,
  leafSizeBytes,
  rootOf,
  type Sha256,
  TreeFolder,
  TreeHasher,
  toHex,
} from "./tree-hash.ts";
