import { deleteArchive, uploadArchive } from "./archives.ts";
import type { AccountHandler, AccountOperationName, VaultHandler, VaultOperationName } from "./context.ts";
import { getDataRetrievalPolicy, setDataRetrievalPolicy } from "./data-retrieval-policy.ts";
import { getJobOutput } from "./job-output.ts";
import { describeJob, initiateJob, listJobs } from "./jobs.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  initiateMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadMultipartPart,
} from "./multipart-uploads.ts";
import { listProvisionedCapacity, purchaseProvisionedCapacity } from "./provisioned-capacity.ts";
import { deleteVaultAccessPolicy, getVaultAccessPolicy, setVaultAccessPolicy } from "./vault-access-policy.ts";
import { abortVaultLock, completeVaultLock, getVaultLock, initiateVaultLock } from "./vault-lock.ts";
import { deleteVaultNotifications, getVaultNotifications, setVaultNotifications } from "./vault-notifications.ts";
import { addTagsToVault, listTagsForVault, removeTagsFromVault } from "./vault-tags.ts";
import { createVault, deleteVault, describeVault, listVaults } from "./vaults.ts";

/** The compiler refuses these tables while any of the 33 operations lacks its handler. */
export const accountHandlers: { readonly [Name in AccountOperationName]: AccountHandler<Name> } = {
  CreateVault: createVault,
  DeleteVault: deleteVault,
  ListVaults: listVaults,
  SetDataRetrievalPolicy: setDataRetrievalPolicy,
  GetDataRetrievalPolicy: getDataRetrievalPolicy,
  PurchaseProvisionedCapacity: purchaseProvisionedCapacity,
  ListProvisionedCapacity: listProvisionedCapacity,
};

/** These run on a vault that was found: a missing one is a 404 before anything else about the request is judged. */
export const vaultHandlers: { readonly [Name in VaultOperationName]: VaultHandler<Name> } = {
  DescribeVault: describeVault,
  UploadArchive: uploadArchive,
  DeleteArchive: deleteArchive,
  InitiateMultipartUpload: initiateMultipartUpload,
  UploadMultipartPart: uploadMultipartPart,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
  ListMultipartUploads: listMultipartUploads,
  InitiateJob: initiateJob,
  DescribeJob: describeJob,
  ListJobs: listJobs,
  GetJobOutput: getJobOutput,
  SetVaultNotifications: setVaultNotifications,
  GetVaultNotifications: getVaultNotifications,
  DeleteVaultNotifications: deleteVaultNotifications,
  SetVaultAccessPolicy: setVaultAccessPolicy,
  GetVaultAccessPolicy: getVaultAccessPolicy,
  DeleteVaultAccessPolicy: deleteVaultAccessPolicy,
  InitiateVaultLock: initiateVaultLock,
  CompleteVaultLock: completeVaultLock,
  AbortVaultLock: abortVaultLock,
  GetVaultLock: getVaultLock,
  AddTagsToVault: addTagsToVault,
  RemoveTagsFromVault: removeTagsFromVault,
  ListTagsForVault: listTagsForVault,
};
