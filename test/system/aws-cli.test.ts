import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AwsCli } from "../support/aws-cli.ts";
import { CalledOperations, contentOperations } from "../support/called-operations.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { untilDash } from "../support/sdk-client.ts";
import { accountId, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Debian's aws-cli, unmodified.

const mebibyte = 1024 ** 2;
const vault = "from-cli";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let glacier: GlacierHttp;

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
});

after(async () => {
  glacier.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const called = new CalledOperations();
const aws = (command: string, ...args: string[]) => new AwsCli(server, called).succeed(command, args);
const awsVault = (command: string, ...args: string[]) => aws(command, "--vault-name", vault, ...args);

async function completed(jobId: string): Promise<void> {
  await glacier.jobSucceeded(vault, jobId);
  assert.equal((await awsVault("describe-job", `--job-id=${jobId}`)).StatusCode, "Succeeded");
}

async function download(jobId: string, ...args: string[]) {
  const file = join(folder.path, "downloaded");
  const answer = await awsVault("get-job-output", `--job-id=${jobId}`, ...args, file);
  return { answer, bytes: await readFile(file) };
}

test("aws-cli goes the whole way from upload to verified, ranged download", async () => {
  assert.deepEqual(await aws("create-vault", "--vault-name", "made"), { location: `/${accountId}/vaults/made` });
  await aws("delete-vault", "--vault-name", "made");

  const bytes = contentOf(1, 2 * mebibyte + 4321);
  const file = join(folder.path, "body");
  await writeFile(file, bytes);
  const uploaded = await awsVault("upload-archive", "--body", file, "--archive-description", "by aws-cli");
  assert.equal(uploaded.checksum, treeHashOf(bytes));

  const parameters = JSON.stringify({ Type: "archive-retrieval", ArchiveId: uploaded.archiveId });
  const { jobId } = await awsVault("initiate-job", "--job-parameters", parameters);
  await completed(jobId);
  const whole = await download(jobId);
  assert.equal(whole.answer.status, 200);
  assert.equal(whole.answer.checksum, treeHashOf(bytes));
  assert.equal(whole.answer.archiveDescription, "by aws-cli");
  assert.ok(whole.bytes.equals(bytes));
  const ranged = await download(jobId, "--range", "bytes=1048576-2097151");
  assert.equal(ranged.answer.status, 206);
  assert.equal(ranged.answer.contentRange, `bytes 1048576-2097151/${bytes.length}`);
  assert.equal(ranged.answer.checksum, treeHashOf(bytes.subarray(mebibyte, 2 * mebibyte)));
  assert.ok(ranged.bytes.equals(bytes.subarray(mebibyte, 2 * mebibyte)));

  const inventory = await awsVault("initiate-job", "--job-parameters", '{"Type":"inventory-retrieval","Format":"CSV"}');
  await completed(inventory.jobId);
  const { answer, bytes: csv } = await download(inventory.jobId);
  assert.equal(answer.contentType, "text/csv");
  assert.ok(csv.toString().includes(`${uploaded.archiveId},by aws-cli,`));
});

test("aws-cli uploads in parts", async () => {
  const bytes = contentOf(2, mebibyte + 11);
  const initiated = await awsVault("initiate-multipart-upload", "--part-size", String(mebibyte));
  const uploadId = `--upload-id=${initiated.uploadId}`;
  for (const [first, end] of [
    [mebibyte, bytes.length],
    [0, mebibyte],
  ] as const) {
    const part = join(folder.path, "part");
    await writeFile(part, bytes.subarray(first, end));
    await awsVault("upload-multipart-part", uploadId, "--range", `bytes ${first}-${end - 1}/*`, "--body", part);
  }
  assert.equal((await awsVault("list-parts", uploadId)).Parts.length, 2);
  const sums = ["--archive-size", String(bytes.length), "--checksum", treeHashOf(bytes)];
  const { archiveId, checksum } = await awsVault("complete-multipart-upload", uploadId, ...sums);
  assert.equal(checksum, treeHashOf(bytes));
  assert.ok((await glacier.retrieve(vault, archiveId)).equals(bytes));
  const aborted = await awsVault("initiate-multipart-upload", "--part-size", String(mebibyte));
  assert.equal((await awsVault("list-multipart-uploads")).UploadsList.length, 1);
  await awsVault("abort-multipart-upload", `--upload-id=${aborted.uploadId}`);
  assert.deepEqual((await awsVault("list-multipart-uploads")).UploadsList, []);
  const jobs = await awsVault("list-jobs", "--statuscode", "Succeeded");
  assert.ok(jobs.JobList.length >= 1);
});

test("aws-cli lists in pages, and its own paging leaves nothing out", async () => {
  for (const name of ["page-a", "page-b", "page-c", "page-d"]) {
    await glacier.createVault(name);
  }
  const names = (list: { VaultList: Array<{ VaultName: string }> }) => list.VaultList.map(({ VaultName }) => VaultName);
  const all = ["from-cli", "page-a", "page-b", "page-c", "page-d"];
  assert.deepEqual(names(await aws("list-vaults", "--page-size", "2")), all);
  const first = await aws("list-vaults", "--max-items", "3");
  assert.deepEqual(names(first), all.slice(0, 3));
  const rest = await aws("list-vaults", "--starting-token", first.NextToken);
  assert.deepEqual(names(rest), all.slice(3));
});

test("aws-cli waits for a vault, and says why it fails", async () => {
  const cli = new AwsCli(server, called);
  const wait = (name: string) => cli.run(`wait ${name}`, ["--vault-name", "awaited"]);
  assert.equal((await wait("vault-not-exists")).code, 0);
  const appears = wait("vault-exists");
  await glacier.createVault("awaited");
  const { code, stderr } = await appears;
  assert.equal(code, 0, stderr);

  assert.equal((await aws("describe-vault", "--vault-name", "awaited")).VaultName, "awaited");
  const missing = await cli.fail("describe-vault", ["--vault-name", "never-made"]);
  assert.match(missing, /\(ResourceNotFoundException\).*Vault not found for ARN: .*never-made/);
});

test("aws-cli takes ids that begin with a dash", async () => {
  const bytes = Buffer.from("dash");
  const archiveId = await untilDash(() => glacier.uploadArchive(vault, bytes, "dash"));
  const jobId = await untilDash(() => glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId }));
  await completed(jobId);
  assert.deepEqual((await download(jobId)).bytes, bytes);
  await awsVault("delete-archive", `--archive-id=${archiveId}`);
  const left = await glacier.inventory(vault);
  assert.ok(left.every(({ ArchiveId }) => ArchiveId !== archiveId));
});

test("each operation on vaults, archives, uploads and jobs has been called with success", () => {
  called.assertAll(contentOperations);
});
