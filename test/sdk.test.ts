import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateVaultCommand,
  DeleteArchiveCommand,
  DeleteVaultCommand,
  DescribeJobCommand,
  DescribeVaultCommand,
  GetJobOutputCommand,
  type GlacierClient,
  InitiateJobCommand,
  InitiateMultipartUploadCommand,
  InvalidParameterValueException,
  ListPartsCommand,
  MissingParameterValueException,
  paginateListJobs,
  paginateListMultipartUploads,
  paginateListParts,
  paginateListVaults,
  ResourceNotFoundException,
  UploadArchiveCommand,
  UploadMultipartPartCommand,
  waitUntilVaultExists,
  waitUntilVaultNotExists,
} from "@aws-sdk/client-glacier";
import { CalledOperations, contentOperations } from "./support/called-operations.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { own, sdkClient, untilDash, untilTrue } from "./support/sdk-client.ts";
import { accountId, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The whole way with AWS's SDK for JavaScript, against a server process.

const mebibyte = 1024 ** 2;
const vaultName = "photographs";
const vault = { ...own, vaultName };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let client: GlacierClient;
const called = new CalledOperations();

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: folder.path });
  client = sdkClient(server, { called });
  await client.send(new CreateVaultCommand(vault));
});

after(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function upload(bytes: Uint8Array, archiveDescription?: string): Promise<string> {
  const command = new UploadArchiveCommand({ ...vault, body: bytes, archiveDescription });
  return (await client.send(command)).archiveId ?? "";
}

async function startJob(jobParameters: NonNullable<InitiateJobCommand["input"]["jobParameters"]>): Promise<string> {
  return (await client.send(new InitiateJobCommand({ ...vault, jobParameters }))).jobId ?? "";
}

async function completed(jobId: string): Promise<string> {
  await untilTrue("the job is completed", async () => {
    return (await client.send(new DescribeJobCommand({ ...vault, jobId }))).Completed === true;
  });
  return jobId;
}

async function output(jobId: string, range?: string) {
  const answer = await client.send(new GetJobOutputCommand({ ...vault, jobId, range }));
  return { ...answer, bytes: Buffer.from((await answer.body?.transformToByteArray()) ?? []) };
}

test("an archive that is uploaded in one go comes back whole and in verified ranges", async () => {
  const bytes = contentOf(1, 5 * mebibyte + 12_345);
  const uploaded = await client.send(
    new UploadArchiveCommand({ ...vault, body: bytes, archiveDescription: "a single upload" }),
  );
  assert.equal(uploaded.checksum, treeHashOf(bytes));
  assert.equal(uploaded.location, `/${accountId}/vaults/${vaultName}/archives/${uploaded.archiveId}`);

  const jobId = await completed(await startJob({ Type: "archive-retrieval", ArchiveId: uploaded.archiveId }));
  const whole = await output(jobId);
  assert.equal(whole.status, 200);
  assert.equal(whole.checksum, treeHashOf(bytes));
  assert.equal(whole.acceptRanges, "bytes");
  assert.equal(whole.contentType, "application/octet-stream");
  assert.equal(whole.archiveDescription, "a single upload");
  assert.ok(whole.bytes.equals(bytes));

  for (const [first, end] of [
    [0, 2 * mebibyte],
    [2 * mebibyte, 4 * mebibyte],
    [4 * mebibyte, bytes.length],
  ] as const) {
    const part = await output(jobId, `bytes=${first}-${end - 1}`);
    assert.equal(part.status, 206);
    assert.equal(part.contentRange, `bytes ${first}-${end - 1}/${bytes.length}`);
    assert.equal(part.checksum, treeHashOf(part.bytes));
    assert.ok(part.bytes.equals(bytes.subarray(first, end)));
  }
  const unaligned = await output(jobId, "bytes=10-1048585");
  assert.equal(unaligned.status, 206);
  assert.equal(unaligned.checksum, undefined);
  assert.ok(unaligned.bytes.equals(bytes.subarray(10, 1_048_586)));
});

test("parts in any order, one of them twice, become one archive, of which a part can be retrieved", async () => {
  const bytes = contentOf(2, 3 * mebibyte + 777);
  const { uploadId } = await client.send(
    new InitiateMultipartUploadCommand({ ...vault, partSize: String(mebibyte), archiveDescription: "in parts" }),
  );
  const put = (number: number, body: Uint8Array) => {
    const first = number * mebibyte;
    const range = `bytes ${first}-${first + body.length - 1}/*`;
    return client.send(new UploadMultipartPartCommand({ ...vault, uploadId, range, body }));
  };
  const part = (number: number) => bytes.subarray(number * mebibyte, (number + 1) * mebibyte);
  await put(1, contentOf(3, mebibyte));
  for (const number of [3, 1, 0, 2]) {
    assert.equal((await put(number, part(number))).checksum, treeHashOf(part(number)));
  }
  const listed = await client.send(new ListPartsCommand({ ...vault, uploadId }));
  assert.equal(listed.PartSizeInBytes, mebibyte);
  assert.equal(listed.ArchiveDescription, "in parts");
  assert.deepEqual(
    listed.Parts?.map(({ SHA256TreeHash }) => SHA256TreeHash),
    [0, 1, 2, 3].map((number) => treeHashOf(part(number))),
  );
  const claim = { ...vault, uploadId, archiveSize: String(bytes.length), checksum: treeHashOf(bytes) };
  const { archiveId } = await client.send(new CompleteMultipartUploadCommand(claim));
  const again = await client.send(new CompleteMultipartUploadCommand(claim));
  assert.equal(again.archiveId, archiveId);

  const jobId = await completed(
    await startJob({ Type: "archive-retrieval", ArchiveId: archiveId, RetrievalByteRange: "2097152-3146504" }),
  );
  const tail = await output(jobId);
  assert.equal(tail.checksum, treeHashOf(bytes.subarray(2 * mebibyte)));
  assert.ok(tail.bytes.equals(bytes.subarray(2 * mebibyte)));
});

test("inventories list what is there in both formats, and a deleted archive no longer", async () => {
  const kept = await upload(Buffer.from("kept"), "it's kept, here");
  const gone = await upload(Buffer.from("gone"));
  await client.send(new DeleteArchiveCommand({ ...vault, archiveId: gone }));

  const json = await output(await completed(await startJob({ Type: "inventory-retrieval" })));
  assert.equal(json.contentType, "application/json");
  const { ArchiveList, VaultARN } = JSON.parse(json.bytes.toString());
  assert.equal(VaultARN, `arn:aws:glacier:us-east-1:${accountId}:vaults/${vaultName}`);
  const ids = ArchiveList.map((archive: { ArchiveId: string }) => archive.ArchiveId);
  assert.ok(ids.includes(kept) && !ids.includes(gone));

  const csv = await output(await completed(await startJob({ Type: "inventory-retrieval", Format: "CSV" })));
  assert.equal(csv.contentType, "text/csv");
  const lines = csv.bytes.toString().trimEnd().split("\n");
  assert.equal(lines[0], "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash");
  assert.equal(lines.length - 1, ids.length);
  assert.ok(
    lines.some(
      (line) => line.startsWith(`${kept},"it's kept, here",`) && line.endsWith(treeHashOf(Buffer.from("kept"))),
    ),
  );
});

test("waiters see a vault come and go", async () => {
  const other = { ...own, vaultName: "awaited" };
  const waiting = { client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 };
  const absent = await waitUntilVaultNotExists(waiting, other);
  assert.equal(absent.state, "SUCCESS");
  const appears = waitUntilVaultExists(waiting, other);
  await client.send(new CreateVaultCommand(other));
  assert.equal((await appears).state, "SUCCESS");
  await client.send(new DeleteVaultCommand(other));
  assert.equal((await waitUntilVaultNotExists(waiting, other)).state, "SUCCESS");
});

/** Collects pages: three of them, the first two full, nothing twice and nothing left out. */
async function threePages<Page>(
  pages: AsyncIterable<Page>,
  pageSize: number,
  idsOf: (page: Page) => Array<string | undefined>,
): Promise<Array<string | undefined>> {
  const found: Array<Array<string | undefined>> = [];
  for await (const page of pages) {
    found.push(idsOf(page));
  }
  assert.equal(found.length, 3);
  assert.deepEqual(
    found.slice(0, 2).map((ids) => ids.length),
    [pageSize, pageSize],
  );
  const ids = found.flat();
  assert.equal(new Set(ids).size, ids.length);
  return ids;
}

test("paginators walk vaults, jobs, uploads and parts without a gap", async () => {
  // Each paginator gets a copy of its own, for it writes the marker into what it was given.
  const pageSize = 2;
  const paged = { client, pageSize };
  const names = ["paged-1", "paged-2", "paged-3", "paged-4"];
  for (const name of names) {
    await client.send(new CreateVaultCommand({ ...own, vaultName: name }));
  }
  const vaults = await threePages(paginateListVaults(paged, { ...own }), pageSize, ({ VaultList = [] }) =>
    VaultList.map(({ VaultName }) => VaultName),
  );
  assert.deepEqual(vaults, [...names, vaultName]);

  const list = { ...own, vaultName: "paged-1" };
  const jobIds: Array<string | undefined> = [];
  const uploadIds: Array<string | undefined> = [];
  for (let count = 0; count < 5; count += 1) {
    const job = await client.send(new InitiateJobCommand({ ...list, jobParameters: { Type: "inventory-retrieval" } }));
    jobIds.push(job.jobId);
    const initiated = await client.send(new InitiateMultipartUploadCommand({ ...list, partSize: String(mebibyte) }));
    uploadIds.push(initiated.uploadId);
  }
  const jobs = await threePages(paginateListJobs(paged, { ...list }), pageSize, ({ JobList = [] }) =>
    JobList.map(({ JobId }) => JobId),
  );
  assert.deepEqual(new Set(jobs), new Set(jobIds));

  const [uploadId] = uploadIds;
  const uploads = await threePages(paginateListMultipartUploads(paged, { ...list }), pageSize, ({ UploadsList = [] }) =>
    UploadsList.map(({ MultipartUploadId }) => MultipartUploadId),
  );
  assert.deepEqual(new Set(uploads), new Set(uploadIds));

  const body = contentOf(4, mebibyte);
  const ranges = [0, 1, 2, 3, 4].map((number) => `${number * mebibyte}-${(number + 1) * mebibyte - 1}`);
  for (const range of ranges) {
    await client.send(new UploadMultipartPartCommand({ ...list, uploadId, range: `bytes ${range}/*`, body }));
  }
  const parts = await threePages(paginateListParts(paged, { ...list, uploadId }), pageSize, ({ Parts = [] }) =>
    Parts.map(({ RangeInBytes }) => RangeInBytes),
  );
  assert.deepEqual(parts, ranges);
});

test("errors come as the SDK's own classes", async () => {
  const missing = { ...own, vaultName: "never-made" };
  await assert.rejects(client.send(new DescribeVaultCommand(missing)), (error: unknown) => {
    assert.ok(error instanceof ResourceNotFoundException);
    assert.equal(error.message, `Vault not found for ARN: arn:aws:glacier:us-east-1:${accountId}:vaults/never-made`);
    assert.equal(error.$metadata.httpStatusCode, 404);
    return true;
  });
  await assert.rejects(client.send(new DescribeJobCommand({ ...vault, jobId: "x" })), ResourceNotFoundException);
  await assert.rejects(
    client.send(new InitiateMultipartUploadCommand({ ...vault, partSize: "1000" })),
    InvalidParameterValueException,
  );
  await assert.rejects(
    client.send(new UploadArchiveCommand({ ...vault, body: Buffer.from("x"), checksum: "0".repeat(64) })),
    InvalidParameterValueException,
  );
  await assert.rejects(
    client.send(new InitiateJobCommand({ ...vault, jobParameters: {} })),
    MissingParameterValueException,
  );
  await upload(Buffer.from("keeps the vault"));
  await assert.rejects(client.send(new DeleteVaultCommand(vault)), InvalidParameterValueException);
});

test("ids that begin with a dash work in every place", async () => {
  const bytes = Buffer.from("dash");
  const archiveId = await untilDash(() => upload(bytes));
  const parameters = { Type: "archive-retrieval", ArchiveId: archiveId };
  const jobId = await completed(await untilDash(() => startJob(parameters)));
  assert.deepEqual((await output(jobId)).bytes, bytes);

  const uploadId = await untilDash(async () => {
    return (await client.send(new InitiateMultipartUploadCommand({ ...vault, partSize: String(mebibyte) }))).uploadId;
  });
  await client.send(new UploadMultipartPartCommand({ ...vault, uploadId, range: "bytes 0-3/*", body: bytes }));
  assert.equal((await client.send(new ListPartsCommand({ ...vault, uploadId }))).Parts?.length, 1);
  await client.send(new AbortMultipartUploadCommand({ ...vault, uploadId }));
  await client.send(new DeleteArchiveCommand({ ...vault, archiveId }));
});

test("each operation on vaults, archives, uploads and jobs has been called with success", () => {
  called.assertAll(contentOperations);
});
