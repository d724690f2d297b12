// Calls every operation by AWS's SDK for JavaScript, version 2, and prints the name of each that succeeds.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import AWS from "aws-sdk";

const vaultName = "from-aws-sdk-2";
const mebibyte = 1024 ** 2;
const whole = randomBytes(1.5 * mebibyte + 7);
const endpoint = process.env.MORAINE_URL;
const glacier = new AWS.Glacier({ endpoint, region: process.env.AWS_DEFAULT_REGION, maxRetries: 0 });

/** Without an account: the SDK sends `-`. */
async function call(name, parameters = {}) {
  const answer = await glacier[name[0].toLowerCase() + name.slice(1)](parameters).promise();
  process.stdout.write(`${name}\n`);
  return answer;
}
const inVault = (name, more = {}) => call(name, { vaultName, ...more });

const policy = (effect, action, vault) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "s",
        Effect: effect,
        Principal: "*",
        Action: action,
        Resource: `arn:aws:glacier:us-east-1:123456789012:vaults/${vault}`,
      },
    ],
  });

async function vaults() {
  assert.equal((await inVault("CreateVault")).location, `/123456789012/vaults/${vaultName}`);
  await glacier.waitFor("vaultExists", { vaultName }).promise();
  assert.equal((await inVault("DescribeVault")).NumberOfArchives, 0);
  await assert.rejects(glacier.describeVault({ vaultName: "nowhere" }).promise(), {
    code: "ResourceNotFoundException",
    statusCode: 404,
  });
  assert.equal((await call("ListVaults")).VaultList.length, 1);
}

async function settings() {
  await inVault("AddTagsToVault", { Tags: { a: "1", b: "2" } });
  await inVault("RemoveTagsFromVault", { TagKeys: ["b"] });
  assert.deepEqual((await inVault("ListTagsForVault")).Tags, { a: "1" });
  const vaultNotificationConfig = {
    SNSTopic: "arn:aws:sns:us-east-1:123456789012:done",
    Events: ["ArchiveRetrievalCompleted"],
  };
  await inVault("SetVaultNotifications", { vaultNotificationConfig });
  assert.deepEqual((await inVault("GetVaultNotifications")).vaultNotificationConfig, vaultNotificationConfig);
  await inVault("DeleteVaultNotifications");
  const Policy = policy("Allow", "glacier:ListJobs", vaultName);
  await inVault("SetVaultAccessPolicy", { policy: { Policy } });
  assert.equal((await inVault("GetVaultAccessPolicy")).policy.Policy, Policy);
  await inVault("DeleteVaultAccessPolicy");
  const Rules = [{ Strategy: "BytesPerHour", BytesPerHour: 10737418240 }];
  await call("SetDataRetrievalPolicy", { Policy: { Rules } });
  assert.deepEqual((await call("GetDataRetrievalPolicy")).Policy.Rules, Rules);
  assert.match((await call("PurchaseProvisionedCapacity")).capacityId, /./);
  assert.equal((await call("ListProvisionedCapacity")).ProvisionedCapacityList.length, 1);
}

async function lock() {
  const locked = { vaultName: "locked-by-aws-sdk-2" };
  await call("CreateVault", locked);
  const wanted = { ...locked, policy: { Policy: policy("Deny", "glacier:DeleteArchive", locked.vaultName) } };
  await call("InitiateVaultLock", wanted);
  await call("AbortVaultLock", locked);
  const { lockId } = await call("InitiateVaultLock", wanted);
  await call("CompleteVaultLock", { ...locked, lockId });
  assert.equal((await call("GetVaultLock", locked)).State, "Locked");
  await call("DeleteVault", locked);
}

async function archives() {
  const single = await inVault("UploadArchive", { body: whole, archiveDescription: "by  JavaScript" });
  const { treeHash } = glacier.computeChecksums(whole);
  assert.equal(single.checksum, treeHash);
  const { uploadId } = await inVault("InitiateMultipartUpload", { partSize: String(mebibyte) });
  for (let start = 0; start < whole.length; start += mebibyte) {
    const body = whole.subarray(start, start + mebibyte);
    await inVault("UploadMultipartPart", { uploadId, body, range: `bytes ${start}-${start + body.length - 1}/*` });
  }
  assert.equal((await inVault("ListParts", { uploadId })).Parts.length, 2);
  assert.equal((await inVault("ListMultipartUploads")).UploadsList.length, 1);
  const complete = { uploadId, archiveSize: String(whole.length), checksum: treeHash };
  const multi = await inVault("CompleteMultipartUpload", complete);
  const dropped = await inVault("InitiateMultipartUpload", { partSize: String(mebibyte) });
  await inVault("AbortMultipartUpload", { uploadId: dropped.uploadId });
  return [single.archiveId, multi.archiveId];
}

async function finished(jobParameters) {
  const { jobId } = await inVault("InitiateJob", { jobParameters });
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const job = await inVault("DescribeJob", { jobId });
    if (job.Completed) {
      assert.equal(job.StatusCode, "Succeeded");
      return jobId;
    }
    await setTimeout(100);
  }
  throw new Error("The job does not end");
}

async function jobs([archiveId]) {
  const jobId = await finished({ Type: "archive-retrieval", ArchiveId: archiveId });
  const output = await inVault("GetJobOutput", { jobId });
  assert.ok(whole.equals(output.body));
  assert.equal(output.archiveDescription, "by  JavaScript");
  const range = await inVault("GetJobOutput", { jobId, range: `bytes=0-${mebibyte - 1}` });
  assert.ok(whole.subarray(0, mebibyte).equals(range.body));
  assert.equal((await inVault("ListJobs", { completed: "true" })).JobList.length, 1);
  const url = glacier.getJobOutput({ vaultName, jobId }).presign(60);
  assert.ok(whole.equals(Buffer.from(await (await fetch(url)).arrayBuffer())));
  process.stdout.write("presign\n");
  const inventory = await inVault("GetJobOutput", { jobId: await finished({ Type: "inventory-retrieval" }) });
  assert.equal(JSON.parse(String(inventory.body)).ArchiveList.length, 2);
}

await vaults();
await settings();
await lock();
const archiveIds = await archives();
await jobs(archiveIds);
for (const archiveId of archiveIds) {
  await inVault("DeleteArchive", { archiveId });
}
await inVault("DeleteVault");
const identity = await new AWS.STS({ endpoint, region: process.env.AWS_DEFAULT_REGION }).getCallerIdentity().promise();
assert.equal(identity.Account, "123456789012");
process.stdout.write("sts:GetCallerIdentity\n");
