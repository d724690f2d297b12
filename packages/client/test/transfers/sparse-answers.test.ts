import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TreeHash } from "@moraine/client";
import { downloadJobOutput, retrieveArchive, retrieveInventory, uploadArchive } from "@moraine/client/node";
import { clientOf } from "../support/scripted-client.ts";
import { answer, type Step, scriptedServer } from "../support/scripted-server.ts";

// Some of AWS's documented responses omit fields that its service sends as null, such as markers. Other implementations describe jobs
// without a size.

const vaultName = "photos";
const content = Buffer.from("five!");
const jobs = {
  archive: {
    Action: "ArchiveRetrieval",
    ArchiveId: "a",
    JobId: "j1",
    ArchiveSizeInBytes: 5,
    RetrievalByteRange: "0-4",
  },
  inventory: {
    Action: "InventoryRetrieval",
    JobId: "j2",
    InventorySizeInBytes: 5,
    InventoryRetrievalParameters: { Format: "JSON" },
  },
};
let folder: string;
let treeHash: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-sparse-"));
  treeHash = await treeHashOf(content);
});
after(() => rm(folder, { recursive: true }));

async function treeHashOf(bytes: Uint8Array): Promise<string> {
  const hash = new TreeHash();
  await hash.update(bytes);
  return hash.digest();
}

const json = (value: unknown) => answer(200, { "content-type": "application/json" }, JSON.stringify(value));

/** A server that has done this one job. Starting another is a request that it does not know. */
function serviceWith(job: object): Step {
  const description = { ...job, Completed: true, CreationDate: "2015-07-17T21:16:13.840Z", StatusCode: "Succeeded" };
  const steps: [RegExp, Step][] = [
    [/^GET .*\/jobs$/, json({ JobList: [description] })],
    [/^GET .*\/output$/, answer(206, { "content-range": "bytes 0-4/5", "content-length": "5" }, content)],
    [/^GET /, json(description)],
    [/^POST /, answer(400)],
  ];
  return (response, request) =>
    steps.find(([of]) => of.test(`${request.method} ${request.url}`))?.[1](response, request);
}

test("an archive is retrieved by a description without the fields that do not apply", async () => {
  const job = { ...jobs.archive, ArchiveSHA256TreeHash: treeHash };
  await using server = await scriptedServer(serviceWith(job));
  const target = join(folder, "archive");
  const archive = { vaultName, archiveId: "a" };
  assert.equal((await retrieveArchive(clientOf(server), archive, { target })).verifiedBy, "whole");
  assert.deepEqual(await readFile(target), content);
});

test("a job without a range is for the entire archive", async () => {
  const { RetrievalByteRange: _, ...job } = { ...jobs.archive, SHA256TreeHash: treeHash };
  await using server = await scriptedServer(serviceWith(job));
  const target = join(folder, "range");
  const { verifiedBy } = await downloadJobOutput(clientOf(server), { vaultName, jobId: "j1" }, { target });
  assert.equal(verifiedBy, "whole");
});

test("an inventory job is found again by parameters without dates and page", async () => {
  await using server = await scriptedServer(serviceWith(jobs.inventory));
  const target = join(folder, "inventory");
  assert.equal((await retrieveInventory(clientOf(server), { vaultName }, { target })).verifiedBy, "size");
});

test("parts are listed to the end where a missing marker says so", async () => {
  const part = new Uint8Array(1024 ** 2);
  const treeHashOfPart = await treeHashOf(part);
  const listed = json({ Parts: [{ RangeInBytes: "0-1048575", SHA256TreeHash: treeHashOfPart }] });
  let takesParts = false;
  const steps: Record<string, () => Step> = {
    GET: () => listed,
    PUT: () => (takesParts ? answer(204, { "x-amz-sha256-tree-hash": treeHashOfPart }) : answer(400)),
    POST: () => answer(201, { "x-amz-multipart-upload-id": "u", "x-amz-archive-id": "a" }),
  };
  await using server = await scriptedServer((response, request) => steps[request.method]?.()(response, request));
  const path = join(folder, "source");
  await writeFile(path, Buffer.concat([part, part]));
  const options = { vaultName, partSizeBytes: part.length, journal: join(folder, "journal") };
  await assert.rejects(uploadArchive(clientOf(server), { path }, options));
  takesParts = true;
  const { archiveId, resumedBytes } = await uploadArchive(clientOf(server), { path }, options);
  assert.deepEqual([archiveId, resumedBytes], ["a", part.length]);
});

test("an upload that is accepted without a tree hash has not succeeded", async () => {
  await using server = await scriptedServer(answer(201, { "x-amz-archive-id": "a" }));
  const upload = uploadArchive(clientOf(server), content, { vaultName });
  await assert.rejects(upload, new RegExp(`^VerificationError: .*should be ${treeHash} and is none`));
});

test("an output without a size does not count as empty, even if unverified bytes are accepted", async () => {
  const options = { target: join(folder, "empty"), acceptUnverified: true };
  for (const sizes of [{ ArchiveSizeInBytes: 0 }, { ArchiveSizeInBytes: null }, { ArchiveSizeInBytes: undefined }]) {
    await using server = await scriptedServer(serviceWith({ ...jobs.archive, RetrievalByteRange: null, ...sizes }));
    const download = downloadJobOutput(clientOf(server), { vaultName, jobId: "j1" }, options);
    await assert.rejects(download, /^JobFailedError: Job j1 does not say how large its archive is/);
  }
  await using server = await scriptedServer(serviceWith({ ...jobs.inventory, InventorySizeInBytes: 0 }));
  const download = downloadJobOutput(clientOf(server), { vaultName, jobId: "j2" }, options);
  await assert.rejects(download, /^JobFailedError: Job j2 does not say how large its inventory is/);
});
