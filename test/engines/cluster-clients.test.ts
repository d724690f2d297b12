import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf, treeHashOf } from "../support/content.ts";
import { type Cluster, missingCluster, startCluster } from "../support/engines/cluster.ts";
import { type CallClient, foreignClients } from "../support/engines/foreign-clients.ts";
import { accountId, region } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// AWS's clients, unmodified, before a balancer that sends each request to another node.

const mebibyte = 1024 ** 2;
const whole = contentOf(1, mebibyte + 4321);
const inParts = contentOf(2, 2 * mebibyte + 99);
const jobSecondsMax = 60;

describe("clients of a cluster", { skip: missingCluster(), timeout: 600_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  for (const [name, start] of Object.entries(foreignClients)) {
    test(`${name} stores, reads, protects and deletes archives through two nodes in turn`, async () => {
      await using folder = await temporaryFolder();
      await using client = await start(cluster.url, folder.path);
      const vaultName = name.replace(/\W+/g, "-");
      await client.call("CreateVault", { vaultName });
      const [single, multipart] = [
        await uploaded(client.call, vaultName),
        await uploadedInParts(client.call, vaultName),
      ];
      assert.deepEqual(await retrieved(client.call, vaultName, single), whole);
      assert.deepEqual(await retrieved(client.call, vaultName, multipart), inParts);
      await protectedAndDeleted(client.call, vaultName, single);
      const inventory = await output(client.call, vaultName, { Type: "inventory-retrieval" });
      const { ArchiveList } = JSON.parse(inventory.toString());
      assert.deepEqual(
        ArchiveList.map(({ ArchiveId }: { ArchiveId: string }) => ArchiveId),
        [multipart],
      );
    });
  }
});

async function uploaded(call: CallClient, vaultName: string): Promise<string> {
  const { archiveId, checksum } = await call("UploadArchive", { vaultName, archiveDescription: "whole" }, whole);
  assert.equal(checksum, treeHashOf(whole));
  return archiveId;
}

async function uploadedInParts(call: CallClient, vaultName: string): Promise<string> {
  const begun = await call("InitiateMultipartUpload", { vaultName, partSize: String(mebibyte) });
  const upload = { vaultName, uploadId: begun["uploadId"] };
  for (const [first, last] of rangesOf(inParts.length)) {
    const range = `bytes ${first}-${last}/*`;
    await call("UploadMultipartPart", { ...upload, range }, inParts.subarray(first, last + 1));
  }
  const { Parts } = await call("ListParts", upload);
  assert.equal(Parts.length, 3);
  const claimed = { archiveSize: String(inParts.length), checksum: treeHashOf(inParts) };
  return (await call("CompleteMultipartUpload", { ...upload, ...claimed }))["archiveId"];
}

/** By ranges. */
async function retrieved(call: CallClient, vaultName: string, archiveId: string): Promise<Buffer> {
  const jobId = await completedJob(call, vaultName, { Type: "archive-retrieval", ArchiveId: archiveId });
  const { ArchiveSizeInBytes } = await call("DescribeJob", { vaultName, jobId });
  const pieces: Buffer[] = [];
  for (const [first, last] of rangesOf(ArchiveSizeInBytes)) {
    const { status, bytes, checksum } = await call("GetJobOutput", {
      vaultName,
      jobId,
      range: `bytes=${first}-${last}`,
    });
    assert.deepEqual([status, checksum], [206, treeHashOf(bytes)]);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
}

async function output(call: CallClient, vaultName: string, jobParameters: object): Promise<Buffer> {
  const jobId = await completedJob(call, vaultName, jobParameters);
  return (await call("GetJobOutput", { vaultName, jobId }))["bytes"];
}

async function completedJob(call: CallClient, vaultName: string, jobParameters: object): Promise<string> {
  const { jobId } = await call("InitiateJob", { vaultName, jobParameters });
  const end = performance.now() + jobSecondsMax * 1000;
  while (!(await call("DescribeJob", { vaultName, jobId }))["Completed"]) {
    assert.ok(performance.now() < end, `job ${jobId} does not end`);
    await sleep(100);
  }
  return jobId;
}

/** Each change is seen by the next request, which the other node gets. */
async function protectedAndDeleted(call: CallClient, vaultName: string, archiveId: string): Promise<void> {
  const isRefused = () => assert.rejects(call("DeleteArchive", { vaultName, archiveId }), /AccessDenied/);
  await call("SetVaultAccessPolicy", { vaultName, policy: { Policy: denial(vaultName) } });
  await isRefused();
  await call("DeleteVaultAccessPolicy", { vaultName });
  const whileHeld = { StringEquals: { "glacier:ResourceTag/hold": "yes" } };
  const { lockId } = await call("InitiateVaultLock", {
    ...{ vaultName, policy: { Policy: denial(vaultName, whileHeld) } },
  });
  await call("AddTagsToVault", { vaultName, Tags: { hold: "yes" } });
  await isRefused();
  await call("CompleteVaultLock", { vaultName, lockId });
  assert.equal((await call("GetVaultLock", { vaultName }))["State"], "Locked");
  assert.deepEqual((await call("ListTagsForVault", { vaultName }))["Tags"], { hold: "yes" });
  await isRefused();
  await call("RemoveTagsFromVault", { vaultName, TagKeys: ["hold"] });
  await call("DeleteArchive", { vaultName, archiveId });
  const jobParameters = { Type: "archive-retrieval", ArchiveId: archiveId };
  await assert.rejects(call("InitiateJob", { vaultName, jobParameters }), /ResourceNotFound/);
}

function denial(vaultName: string, condition?: object): string {
  const Resource = `arn:aws:glacier:${region}:${accountId}:vaults/${vaultName}`;
  const always = { Sid: "no-deletions", Effect: "Deny", Principal: "*", Action: "glacier:DeleteArchive", Resource };
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ ...always, ...(condition !== undefined && { Condition: condition }) }],
  });
}

/** First and last byte of each mebibyte. */
const rangesOf = (sizeBytes: number): [number, number][] =>
  Array.from({ length: Math.ceil(sizeBytes / mebibyte) }, (_, index) => [
    index * mebibyte,
    Math.min((index + 1) * mebibyte, sizeBytes) - 1,
  ]);
