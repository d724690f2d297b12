import assert from "node:assert/strict";
import { test } from "node:test";
import type * as sdk from "@aws-sdk/client-glacier";
import type { OperationName, OperationShapes } from "@moraine/protocol";

// The compiler does the comparing: a field that AWS spells otherwise makes the value `true` an error.

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Keys<T> = keyof Required<T>;
type Input<Name extends keyof OperationShapes> = OperationShapes[Name]["input"];
type Output<Name extends keyof OperationShapes> = OperationShapes[Name]["output"];
type Theirs<T, Without extends string = never> = Exclude<keyof T, Without | "$metadata">;
type Retired = "JobOutputPath" | "OutputLocation" | "SelectParameters";

test("inputs have the fields of AWS's client, and bodies are passed next to them", () => {
  const checks: true[] = [
    same<Keys<Input<"CreateVault">>, Theirs<sdk.CreateVaultInput>>(true),
    same<Keys<Input<"DescribeVault">>, Theirs<sdk.DescribeVaultInput>>(true),
    same<Keys<Input<"DeleteVault">>, Theirs<sdk.DeleteVaultInput>>(true),
    same<Keys<Input<"ListVaults">>, Theirs<sdk.ListVaultsInput>>(true),
    same<Keys<Input<"UploadArchive">>, Theirs<sdk.UploadArchiveInput, "body">>(true),
    same<Keys<Input<"DeleteArchive">>, Theirs<sdk.DeleteArchiveInput>>(true),
    same<Keys<Input<"InitiateMultipartUpload">>, Theirs<sdk.InitiateMultipartUploadInput>>(true),
    same<Keys<Input<"UploadMultipartPart">>, Theirs<sdk.UploadMultipartPartInput, "body">>(true),
    same<Keys<Input<"CompleteMultipartUpload">>, Theirs<sdk.CompleteMultipartUploadInput>>(true),
    same<Keys<Input<"AbortMultipartUpload">>, Theirs<sdk.AbortMultipartUploadInput>>(true),
    same<Keys<Input<"ListParts">>, Theirs<sdk.ListPartsInput>>(true),
    same<Keys<Input<"ListMultipartUploads">>, Theirs<sdk.ListMultipartUploadsInput>>(true),
    same<Keys<Input<"InitiateJob">>, Theirs<sdk.InitiateJobInput>>(true),
    same<Keys<Input<"DescribeJob">>, Theirs<sdk.DescribeJobInput>>(true),
    same<Keys<Input<"ListJobs">>, Theirs<sdk.ListJobsInput>>(true),
    same<Keys<Input<"GetJobOutput">>, Theirs<sdk.GetJobOutputInput>>(true),
    same<Keys<NonNullable<Input<"InitiateJob">["jobParameters"]>>, Theirs<sdk.JobParameters, Retired>>(true),
    same<Keys<Input<"AddTagsToVault">>, Theirs<sdk.AddTagsToVaultInput>>(true),
    same<Keys<Input<"RemoveTagsFromVault">>, Theirs<sdk.RemoveTagsFromVaultInput>>(true),
    same<Keys<Input<"ListTagsForVault">>, Theirs<sdk.ListTagsForVaultInput>>(true),
    same<Keys<Input<"SetVaultNotifications">>, Theirs<sdk.SetVaultNotificationsInput>>(true),
    same<
      Keys<NonNullable<Input<"SetVaultNotifications">["vaultNotificationConfig"]>>,
      Theirs<sdk.VaultNotificationConfig>
    >(true),
    same<Keys<Input<"GetVaultNotifications">>, Theirs<sdk.GetVaultNotificationsInput>>(true),
    same<Keys<Input<"DeleteVaultNotifications">>, Theirs<sdk.DeleteVaultNotificationsInput>>(true),
    same<Keys<Input<"SetDataRetrievalPolicy">>, Theirs<sdk.SetDataRetrievalPolicyInput>>(true),
    same<Keys<NonNullable<Input<"SetDataRetrievalPolicy">["Policy"]>>, Theirs<sdk.DataRetrievalPolicy>>(true),
    same<
      Keys<NonNullable<NonNullable<Input<"SetDataRetrievalPolicy">["Policy"]>["Rules"]>[number]>,
      Theirs<sdk.DataRetrievalRule>
    >(true),
    same<Keys<Input<"GetDataRetrievalPolicy">>, Theirs<sdk.GetDataRetrievalPolicyInput>>(true),
    same<Keys<Input<"PurchaseProvisionedCapacity">>, Theirs<sdk.PurchaseProvisionedCapacityInput>>(true),
    same<Keys<Input<"ListProvisionedCapacity">>, Theirs<sdk.ListProvisionedCapacityInput>>(true),
    same<Keys<Input<"SetVaultAccessPolicy">>, Theirs<sdk.SetVaultAccessPolicyInput>>(true),
    same<Keys<NonNullable<Input<"SetVaultAccessPolicy">["policy"]>>, Theirs<sdk.VaultAccessPolicy>>(true),
    same<Keys<Input<"GetVaultAccessPolicy">>, Theirs<sdk.GetVaultAccessPolicyInput>>(true),
    same<Keys<Input<"DeleteVaultAccessPolicy">>, Theirs<sdk.DeleteVaultAccessPolicyInput>>(true),
    same<Keys<Input<"InitiateVaultLock">>, Theirs<sdk.InitiateVaultLockInput>>(true),
    same<Keys<NonNullable<Input<"InitiateVaultLock">["policy"]>>, Theirs<sdk.VaultLockPolicy>>(true),
    same<Keys<Input<"CompleteVaultLock">>, Theirs<sdk.CompleteVaultLockInput>>(true),
    same<Keys<Input<"AbortVaultLock">>, Theirs<sdk.AbortVaultLockInput>>(true),
    same<Keys<Input<"GetVaultLock">>, Theirs<sdk.GetVaultLockInput>>(true),
  ];
  assert.equal(checks.length, 39);
});

test("outputs have the fields of AWS's client, and bodies are passed next to them", () => {
  const checks: true[] = [
    same<Keys<Output<"CreateVault">>, Theirs<sdk.CreateVaultOutput>>(true),
    same<Keys<Output<"DescribeVault">>, Theirs<sdk.DescribeVaultOutput>>(true),
    same<Keys<Output<"ListVaults">>, Theirs<sdk.ListVaultsOutput>>(true),
    same<Keys<Output<"UploadArchive">>, Theirs<sdk.ArchiveCreationOutput>>(true),
    same<Keys<Output<"InitiateMultipartUpload">>, Theirs<sdk.InitiateMultipartUploadOutput>>(true),
    same<Keys<Output<"UploadMultipartPart">>, Theirs<sdk.UploadMultipartPartOutput>>(true),
    same<Keys<Output<"CompleteMultipartUpload">>, Theirs<sdk.ArchiveCreationOutput>>(true),
    same<Keys<Output<"ListParts">>, Theirs<sdk.ListPartsOutput>>(true),
    same<Keys<Output<"ListParts">["Parts"][number]>, Theirs<sdk.PartListElement>>(true),
    same<Keys<Output<"ListMultipartUploads">>, Theirs<sdk.ListMultipartUploadsOutput>>(true),
    same<Keys<Output<"ListMultipartUploads">["UploadsList"][number]>, Theirs<sdk.UploadListElement>>(true),
    same<Keys<Output<"InitiateJob">>, Theirs<sdk.InitiateJobOutput, "jobOutputPath">>(true),
    same<Keys<Output<"DescribeJob">>, Theirs<sdk.GlacierJobDescription, Retired>>(true),
    same<
      Keys<NonNullable<Output<"DescribeJob">["InventoryRetrievalParameters"]>>,
      Theirs<sdk.InventoryRetrievalJobDescription>
    >(true),
    same<Keys<Output<"ListJobs">>, Theirs<sdk.ListJobsOutput>>(true),
    same<Keys<Output<"GetJobOutput">>, Theirs<sdk.GetJobOutputOutput, "body">>(true),
    same<Keys<Output<"ListTagsForVault">>, Theirs<sdk.ListTagsForVaultOutput>>(true),
    same<Keys<Output<"GetVaultNotifications">>, Theirs<sdk.GetVaultNotificationsOutput>>(true),
    same<Keys<Output<"GetVaultNotifications">["vaultNotificationConfig"]>, Theirs<sdk.VaultNotificationConfig>>(true),
    same<Keys<Output<"GetDataRetrievalPolicy">>, Theirs<sdk.GetDataRetrievalPolicyOutput>>(true),
    same<Keys<Output<"GetDataRetrievalPolicy">["Policy"]>, Theirs<sdk.DataRetrievalPolicy>>(true),
    same<Keys<Output<"GetDataRetrievalPolicy">["Policy"]["Rules"][number]>, Theirs<sdk.DataRetrievalRule>>(true),
    same<Keys<Output<"PurchaseProvisionedCapacity">>, Theirs<sdk.PurchaseProvisionedCapacityOutput>>(true),
    same<Keys<Output<"ListProvisionedCapacity">>, Theirs<sdk.ListProvisionedCapacityOutput>>(true),
    same<
      Keys<Output<"ListProvisionedCapacity">["ProvisionedCapacityList"][number]>,
      Theirs<sdk.ProvisionedCapacityDescription>
    >(true),
    same<Keys<Output<"GetVaultAccessPolicy">>, Theirs<sdk.GetVaultAccessPolicyOutput>>(true),
    same<Keys<Output<"GetVaultAccessPolicy">["policy"]>, Theirs<sdk.VaultAccessPolicy>>(true),
    same<Keys<Output<"InitiateVaultLock">>, Theirs<sdk.InitiateVaultLockOutput>>(true),
    same<Keys<Output<"GetVaultLock">>, Theirs<sdk.GetVaultLockOutput>>(true),
  ];
  assert.equal(checks.length, 29);
});

test("every operation of the table has its shapes", () => {
  const check: true = same<keyof OperationShapes, OperationName>(true);
  assert.equal(check, true);
});

function same<A, B>(isSame: Same<A, B>): Same<A, B> {
  return isSame;
}
