import type { CallOptions, OperationInput, OperationOutput } from "./operation-types.ts";

/**
 * One method for each of the 33 operations: `client.describeVault({ vaultName }, { signal })`.
 *
 * Rejects with the class of the service's exception (`ResourceNotFoundException`, …), with `GlacierConnectionError` when no response could
 * be had, or with the signal's reason. Temporary failures have been retried before.
 */
export interface GlacierClient {
  /**
   * Creates a vault. Succeeds also when the account has one of this name.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/CreateVault
   */
  createVault(input: OperationInput<"CreateVault">, options?: CallOptions): Promise<OperationOutput<"CreateVault">>;

  /**
   * Returns a vault's dates, number of archives and size. Against AWS both numbers are those of the last inventory.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DescribeVault
   */
  describeVault(
    input: OperationInput<"DescribeVault">,
    options?: CallOptions,
  ): Promise<OperationOutput<"DescribeVault">>;

  /**
   * Deletes an empty vault. AWS refuses while the last inventory lists archives, or when it was written to since.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DeleteVault
   */
  deleteVault(input: OperationInput<"DeleteVault">, options?: CallOptions): Promise<OperationOutput<"DeleteVault">>;

  /**
   * Returns a page of the account's vaults, sorted by name. `everyItem(client, "listVaults", {})` walks all pages.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListVaults
   */
  listVaults(input?: OperationInput<"ListVaults">, options?: CallOptions): Promise<OperationOutput<"ListVaults">>;

  /**
   * Stores an archive of up to 4 GiB in one request and returns its id, which is shown only now. `uploadArchive` of the Node entry
   * uploads files and streams of any size, in parts and resumable.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/UploadArchive
   */
  uploadArchive(
    input: OperationInput<"UploadArchive">,
    options?: CallOptions,
  ): Promise<OperationOutput<"UploadArchive">>;

  /**
   * Deletes an archive. Succeeds also when it was deleted before.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DeleteArchive
   */
  deleteArchive(
    input: OperationInput<"DeleteArchive">,
    options?: CallOptions,
  ): Promise<OperationOutput<"DeleteArchive">>;

  /**
   * Starts an upload in parts. All parts but the last have `partSize` bytes.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/InitiateMultipartUpload
   */
  initiateMultipartUpload(
    input: OperationInput<"InitiateMultipartUpload">,
    options?: CallOptions,
  ): Promise<OperationOutput<"InitiateMultipartUpload">>;

  /**
   * Stores one part, at its range of the archive. A repetition replaces the part.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/UploadMultipartPart
   */
  uploadMultipartPart(
    input: OperationInput<"UploadMultipartPart">,
    options?: CallOptions,
  ): Promise<OperationOutput<"UploadMultipartPart">>;

  /**
   * Makes an archive of all parts and returns its id. `checksum` is the tree hash of the entire archive.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/CompleteMultipartUpload
   */
  completeMultipartUpload(
    input: OperationInput<"CompleteMultipartUpload">,
    options?: CallOptions,
  ): Promise<OperationOutput<"CompleteMultipartUpload">>;

  /**
   * Aborts an upload, and deletes its parts.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/AbortMultipartUpload
   */
  abortMultipartUpload(
    input: OperationInput<"AbortMultipartUpload">,
    options?: CallOptions,
  ): Promise<OperationOutput<"AbortMultipartUpload">>;

  /**
   * Returns a page of an upload's parts, in the order of their ranges.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListParts
   */
  listParts(input: OperationInput<"ListParts">, options?: CallOptions): Promise<OperationOutput<"ListParts">>;

  /**
   * Returns a page of the vault's uploads that are neither completed nor aborted.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListMultipartUploads
   */
  listMultipartUploads(
    input: OperationInput<"ListMultipartUploads">,
    options?: CallOptions,
  ): Promise<OperationOutput<"ListMultipartUploads">>;

  /**
   * Starts a job that retrieves an archive or the vault's inventory, and returns its id. AWS takes minutes to hours and charges for
   * it; the output can be read for 24 hours.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/InitiateJob
   */
  initiateJob(input: OperationInput<"InitiateJob">, options?: CallOptions): Promise<OperationOutput<"InitiateJob">>;

  /**
   * Returns a job's state. It has succeeded when `StatusCode` is `Succeeded`.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DescribeJob
   */
  describeJob(input: OperationInput<"DescribeJob">, options?: CallOptions): Promise<OperationOutput<"DescribeJob">>;

  /**
   * Returns a page of the vault's jobs: those in progress, and those of the last 24 hours.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListJobs
   */
  listJobs(input: OperationInput<"ListJobs">, options?: CallOptions): Promise<OperationOutput<"ListJobs">>;

  /**
   * Opens a job's output, or a range of it. Resolves as soon as the response's headers have arrived; the body is a stream, and
   * `checksum` is not compared with it. `downloadJobOutput` of the Node entry verifies and resumes.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/GetJobOutput
   */
  getJobOutput(input: OperationInput<"GetJobOutput">, options?: CallOptions): Promise<OperationOutput<"GetJobOutput">>;

  /**
   * Sets the topic that is notified when a job of the vault ends.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/SetVaultNotifications
   */
  setVaultNotifications(
    input: OperationInput<"SetVaultNotifications">,
    options?: CallOptions,
  ): Promise<OperationOutput<"SetVaultNotifications">>;

  /**
   * Returns the vault's notification configuration. Rejects with `ResourceNotFoundException` if there is none.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/GetVaultNotifications
   */
  getVaultNotifications(
    input: OperationInput<"GetVaultNotifications">,
    options?: CallOptions,
  ): Promise<OperationOutput<"GetVaultNotifications">>;

  /**
   * Removes the vault's notification configuration, if any.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DeleteVaultNotifications
   */
  deleteVaultNotifications(
    input: OperationInput<"DeleteVaultNotifications">,
    options?: CallOptions,
  ): Promise<OperationOutput<"DeleteVaultNotifications">>;

  /**
   * Sets the vault's access policy, and replaces the one before.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/SetVaultAccessPolicy
   */
  setVaultAccessPolicy(
    input: OperationInput<"SetVaultAccessPolicy">,
    options?: CallOptions,
  ): Promise<OperationOutput<"SetVaultAccessPolicy">>;

  /**
   * Returns the vault's access policy. Rejects with `ResourceNotFoundException` if there is none.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/GetVaultAccessPolicy
   */
  getVaultAccessPolicy(
    input: OperationInput<"GetVaultAccessPolicy">,
    options?: CallOptions,
  ): Promise<OperationOutput<"GetVaultAccessPolicy">>;

  /**
   * Removes the vault's access policy, if any.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/DeleteVaultAccessPolicy
   */
  deleteVaultAccessPolicy(
    input: OperationInput<"DeleteVaultAccessPolicy">,
    options?: CallOptions,
  ): Promise<OperationOutput<"DeleteVaultAccessPolicy">>;

  /**
   * Puts a lock policy on the vault, on trial for 24 hours, and returns the id that completes it.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/InitiateVaultLock
   */
  initiateVaultLock(
    input: OperationInput<"InitiateVaultLock">,
    options?: CallOptions,
  ): Promise<OperationOutput<"InitiateVaultLock">>;

  /**
   * Makes the vault's lock permanent: nobody can change or remove it afterwards.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/CompleteVaultLock
   */
  completeVaultLock(
    input: OperationInput<"CompleteVaultLock">,
    options?: CallOptions,
  ): Promise<OperationOutput<"CompleteVaultLock">>;

  /**
   * Removes a lock that is not complete, if any.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/AbortVaultLock
   */
  abortVaultLock(
    input: OperationInput<"AbortVaultLock">,
    options?: CallOptions,
  ): Promise<OperationOutput<"AbortVaultLock">>;

  /**
   * Returns the vault's lock, and whether it is complete.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/GetVaultLock
   */
  getVaultLock(input: OperationInput<"GetVaultLock">, options?: CallOptions): Promise<OperationOutput<"GetVaultLock">>;

  /**
   * Adds tags to the vault, which has at most ten. A tag of the same key gets the new value.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/AddTagsToVault
   */
  addTagsToVault(
    input: OperationInput<"AddTagsToVault">,
    options?: CallOptions,
  ): Promise<OperationOutput<"AddTagsToVault">>;

  /**
   * Returns the vault's tags.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListTagsForVault
   */
  listTagsForVault(
    input: OperationInput<"ListTagsForVault">,
    options?: CallOptions,
  ): Promise<OperationOutput<"ListTagsForVault">>;

  /**
   * Removes tags by their keys. Keys that the vault lacks are ignored.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/RemoveTagsFromVault
   */
  removeTagsFromVault(
    input: OperationInput<"RemoveTagsFromVault">,
    options?: CallOptions,
  ): Promise<OperationOutput<"RemoveTagsFromVault">>;

  /**
   * Sets the account's limit for retrievals in the region.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/SetDataRetrievalPolicy
   */
  setDataRetrievalPolicy(
    input: OperationInput<"SetDataRetrievalPolicy">,
    options?: CallOptions,
  ): Promise<OperationOutput<"SetDataRetrievalPolicy">>;

  /**
   * Returns the account's limit for retrievals in the region. `BytesPerHour` is a bigint.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/GetDataRetrievalPolicy
   */
  getDataRetrievalPolicy(
    input?: OperationInput<"GetDataRetrievalPolicy">,
    options?: CallOptions,
  ): Promise<OperationOutput<"GetDataRetrievalPolicy">>;

  /**
   * Buys a unit of capacity for Expedited retrievals, for one month. AWS charges for it at once.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/PurchaseProvisionedCapacity
   */
  purchaseProvisionedCapacity(
    input?: OperationInput<"PurchaseProvisionedCapacity">,
    options?: CallOptions,
  ): Promise<OperationOutput<"PurchaseProvisionedCapacity">>;

  /**
   * Returns the account's units of capacity for Expedited retrievals.
   * @see https://docs.aws.amazon.com/goto/WebAPI/glacier-2012-06-01/ListProvisionedCapacity
   */
  listProvisionedCapacity(
    input?: OperationInput<"ListProvisionedCapacity">,
    options?: CallOptions,
  ): Promise<OperationOutput<"ListProvisionedCapacity">>;
}
