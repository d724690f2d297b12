import assert from "node:assert/strict";
import { test } from "node:test";
import type { GlacierClient, JobOutput, MethodName, OperationOutput } from "@moraine/client";
import { type OperationShapes, operations } from "@moraine/protocol";

// The compiler checks everything but the number: it refuses a line whose types differ.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Output<Name extends keyof OperationShapes> = Promise<OperationShapes[Name]["output"]>;

const vaultName = "photos";
const archiveId = "-archive";
const jobId = "-job";
const uploadId = "-upload";
const checksum = "0".repeat(64);
const range = { firstByte: 0, lastByte: 1_048_575 };
const body = new Uint8Array(1);
const replayable = { open: async function* () {}, sizeBytes: 1, sha256: checksum, treeHash: checksum };
const { signal } = new AbortController();

/** Calls every operation as users would; never run. */
export const calls = (client: GlacierClient) =>
  ({
    createVault: client.createVault({ vaultName }) satisfies Output<"CreateVault">,
    describeVault: client.describeVault({ vaultName, accountId: "210987654321" }) satisfies Output<"DescribeVault">,
    deleteVault: client.deleteVault({ vaultName }, { signal }) satisfies Output<"DeleteVault">,
    listVaults: client.listVaults() satisfies Output<"ListVaults">,
    uploadArchive: client.uploadArchive({ vaultName, body }) satisfies Output<"UploadArchive">,
    deleteArchive: client.deleteArchive({ vaultName, archiveId }) satisfies Output<"DeleteArchive">,
    initiateMultipartUpload: client.initiateMultipartUpload({
      vaultName,
      partSize: 1_048_576,
    }) satisfies Output<"InitiateMultipartUpload">,
    uploadMultipartPart: client.uploadMultipartPart({
      vaultName,
      uploadId,
      range,
      body: replayable,
    }) satisfies Output<"UploadMultipartPart">,
    completeMultipartUpload: client.completeMultipartUpload({
      vaultName,
      uploadId,
      archiveSize: "1",
      checksum,
    }) satisfies Output<"CompleteMultipartUpload">,
    abortMultipartUpload: client.abortMultipartUpload({
      vaultName,
      uploadId,
    }) satisfies Output<"AbortMultipartUpload">,
    listParts: client.listParts({ vaultName, uploadId, limit: 1, marker: undefined }) satisfies Output<"ListParts">,
    listMultipartUploads: client.listMultipartUploads({ vaultName }) satisfies Output<"ListMultipartUploads">,
    initiateJob: client.initiateJob({
      vaultName,
      jobParameters: { Type: "inventory-retrieval" },
    }) satisfies Output<"InitiateJob">,
    describeJob: client.describeJob({ vaultName, jobId }) satisfies Output<"DescribeJob">,
    listJobs: client.listJobs({ vaultName, completed: true, statuscode: "Succeeded" }) satisfies Output<"ListJobs">,
    getJobOutput: client.getJobOutput({ vaultName, jobId, range }) satisfies Promise<JobOutput>,
    setVaultNotifications: client.setVaultNotifications({
      vaultName,
      vaultNotificationConfig: { SNSTopic: "arn", Events: ["ArchiveRetrievalCompleted"] },
    }) satisfies Output<"SetVaultNotifications">,
    getVaultNotifications: client.getVaultNotifications({ vaultName }) satisfies Output<"GetVaultNotifications">,
    deleteVaultNotifications: client.deleteVaultNotifications({
      vaultName,
    }) satisfies Output<"DeleteVaultNotifications">,
    setVaultAccessPolicy: client.setVaultAccessPolicy({
      vaultName,
      policy: { Policy: "{}" },
    }) satisfies Output<"SetVaultAccessPolicy">,
    getVaultAccessPolicy: client.getVaultAccessPolicy({ vaultName }) satisfies Output<"GetVaultAccessPolicy">,
    deleteVaultAccessPolicy: client.deleteVaultAccessPolicy({ vaultName }) satisfies Output<"DeleteVaultAccessPolicy">,
    initiateVaultLock: client.initiateVaultLock({
      vaultName,
      policy: { Policy: "{}" },
    }) satisfies Output<"InitiateVaultLock">,
    completeVaultLock: client.completeVaultLock({ vaultName, lockId: "-" }) satisfies Output<"CompleteVaultLock">,
    abortVaultLock: client.abortVaultLock({ vaultName }) satisfies Output<"AbortVaultLock">,
    getVaultLock: client.getVaultLock({ vaultName }) satisfies Output<"GetVaultLock">,
    addTagsToVault: client.addTagsToVault({ vaultName, Tags: { a: "b" } }) satisfies Output<"AddTagsToVault">,
    listTagsForVault: client.listTagsForVault({ vaultName }) satisfies Output<"ListTagsForVault">,
    removeTagsFromVault: client.removeTagsFromVault({
      vaultName,
      TagKeys: ["a"],
    }) satisfies Output<"RemoveTagsFromVault">,
    setDataRetrievalPolicy: client.setDataRetrievalPolicy({
      Policy: { Rules: [{ Strategy: "BytesPerHour", BytesPerHour: 9_223_372_036_854_775_807n }] },
    }) satisfies Output<"SetDataRetrievalPolicy">,
    getDataRetrievalPolicy: client.getDataRetrievalPolicy({}) satisfies Output<"GetDataRetrievalPolicy">,
    purchaseProvisionedCapacity: client.purchaseProvisionedCapacity() satisfies Output<"PurchaseProvisionedCapacity">,
    listProvisionedCapacity: client.listProvisionedCapacity({}, { signal }) satisfies Output<"ListProvisionedCapacity">,
  }) satisfies Record<MethodName, Promise<unknown>>;

/** Calls that must not compile. */
export const refused = (client: GlacierClient) => [
  // @ts-expect-error: no vault.
  client.createVault({}),
  // @ts-expect-error: no part size, which the protocol leaves open.
  client.initiateMultipartUpload({ vaultName }),
  // @ts-expect-error: a range as text is not always understood as meant.
  client.getJobOutput({ vaultName, jobId, range: "bytes 0-1/2" }),
  // @ts-expect-error: no body.
  client.uploadArchive({ vaultName }),
  // @ts-expect-error: a body where none belongs.
  client.describeJob({ vaultName, jobId, body }),
  // @ts-expect-error: a stream that could not be sent again.
  client.uploadArchive({ vaultName, body: new ReadableStream() }),
  // @ts-expect-error: a listing of one vault.
  client.listJobs(),
];

test("each of the 33 operations is a method", () => {
  true satisfies Same<Capitalize<keyof GlacierClient>, keyof typeof operations>;
  true satisfies Same<OperationOutput<"ListJobs">["Marker"], string | null>;
  assert.equal(Object.keys(operations).length, 33);
});
