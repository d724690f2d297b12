import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import {
  AccessDeniedException,
  createClient as createPortableClient,
  everyItem,
  everyPage,
  GlacierServiceError,
  InvalidParameterValueException,
  InvalidSignatureException,
  LimitExceededException,
  MissingParameterValueException,
  PolicyEnforcedException,
  ResourceNotFoundException,
  TreeHash,
  UnrecognizedClientException,
} from "@moraine/client";
import { createClient, type GlacierClient, type JobParameters } from "@moraine/client/node";
import { operations } from "@moraine/protocol";
import { contentOf, sha256Of, treeHashOf } from "./support/content.ts";
import {
  accountId,
  cleanEnvironment,
  region,
  repositoryRoot,
  rootKey,
  type ServerProcess,
  startServer,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Our own client against a server process: every operation, its errors by their classes, listings of three pages.

const mebibyte = 1024 ** 2;
const vaultName = "photos";
const vault = { vaultName };
const called = new Set<string>();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let client: GlacierClient;

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  client = counting(await createClient({ region, credentials: rootKey, endpoint: server.url }));
  await client.createVault(vault);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The same client, which remembers what it was asked for. */
function counting(inner: GlacierClient): GlacierClient {
  return new Proxy(inner, {
    get: (target, name: keyof GlacierClient) => {
      called.add(name);
      return target[name];
    },
  });
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await all(body));
}

async function succeeded(jobId: string): Promise<void> {
  for (;;) {
    const { StatusCode, StatusMessage } = await client.describeJob({ ...vault, jobId });
    if (StatusCode === "Succeeded") return;
    assert.equal(StatusCode, "InProgress", String(StatusMessage));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("an archive goes in, in one piece and in parts, and comes out in ranges", async () => {
  const archiveDescription = "two  spaces, and + % ~";
  const bytes = contentOf(1, 3 * mebibyte + 5);
  const one = await client.uploadArchive({ ...vault, archiveDescription, body: bytes });
  assert.equal(one.checksum, treeHashOf(bytes));
  assert.equal(one.location, `/${accountId}/vaults/${vaultName}/archives/${one.archiveId}`);

  const { uploadId } = await client.initiateMultipartUpload({ ...vault, archiveDescription, partSize: mebibyte });
  const starts = [0, mebibyte, 2 * mebibyte, 3 * mebibyte];
  const hashes = await Promise.all(
    starts.map(async (firstByte) => {
      const body = bytes.subarray(firstByte, firstByte + mebibyte);
      const range = { firstByte, lastByte: firstByte + body.length - 1 };
      const part = {
        sizeBytes: body.length,
        sha256: sha256Of(body),
        treeHash: treeHashOf(body),
        open: async function* () {
          yield body.subarray(0, 3);
          yield body.subarray(3);
        },
      };
      return (await client.uploadMultipartPart({ ...vault, uploadId, range, body: part })).checksum;
    }),
  );
  const checksum = await TreeHash.ofParts(hashes);
  const whole = { ...vault, uploadId, archiveSize: bytes.length, checksum };
  const { archiveId } = await client.completeMultipartUpload(whole);

  const job = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Bulk" } as const;
  const { jobId } = await client.initiateJob({ ...vault, jobParameters: job });
  await succeeded(jobId);
  const { body, ...output } = await client.getJobOutput({ ...vault, jobId });
  assert.deepEqual(await bytesOf(body), bytes);
  assert.deepEqual(output, {
    status: 200,
    sizeBytes: bytes.length,
    checksum: treeHashOf(bytes),
    contentRange: null,
    acceptRanges: "bytes",
    contentType: "application/octet-stream",
    archiveDescription,
  });
  const range = { firstByte: 2 * mebibyte, lastByte: bytes.length - 1 };
  const part = await client.getJobOutput({ ...vault, jobId, range });
  const rest = bytes.subarray(range.firstByte);
  assert.deepEqual(await bytesOf(part.body), rest);
  assert.equal(part.status, 206);
  assert.equal(part.contentRange, `bytes ${range.firstByte}-${range.lastByte}/${bytes.length}`);
  assert.equal(part.checksum, treeHashOf(rest));
  await client.deleteArchive({ ...vault, archiveId });
});

test("nulls are kept as the service sends them", async () => {
  const { jobId } = await client.initiateJob({ ...vault, jobParameters: { Type: "inventory-retrieval" } });
  const job = await client.describeJob({ ...vault, jobId });
  assert.equal(job.ArchiveId, null);
  assert.equal(job.RetrievalByteRange, null);
  assert.equal(job.VaultARN, `arn:aws:glacier:${region}:${accountId}:vaults/${vaultName}`);
  await succeeded(jobId);
  const { contentType, body } = await client.getJobOutput({ ...vault, jobId });
  assert.equal(contentType, "application/json");
  assert.ok(Array.isArray(JSON.parse((await bytesOf(body)).toString()).ArchiveList));
});

test("an upload that is aborted is gone", async () => {
  const { uploadId } = await client.initiateMultipartUpload({ ...vault, partSize: String(mebibyte) });
  await client.abortMultipartUpload({ ...vault, uploadId });
  await assert.rejects(client.listParts({ ...vault, uploadId }), ResourceNotFoundException);
});

test("the settings of a vault are returned as they were set", async () => {
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Effect: "Deny",
        Action: "glacier:DeleteArchive",
        Resource: `arn:aws:glacier:${region}:${accountId}:vaults/settings`,
        Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "365" } },
      },
    ],
  });
  const settings = { vaultName: "settings" };
  const vaultNotificationConfig = {
    SNSTopic: `arn:aws:sns:${region}:${accountId}:restores`,
    Events: ["ArchiveRetrievalCompleted"],
  } as const;
  await client.createVault(settings);
  await client.setVaultNotifications({ ...settings, vaultNotificationConfig });
  assert.deepEqual(await client.getVaultNotifications(settings), { vaultNotificationConfig });
  await client.deleteVaultNotifications(settings);
  await assert.rejects(client.getVaultNotifications(settings), ResourceNotFoundException);

  await client.setVaultAccessPolicy({ ...settings, policy: { Policy } });
  assert.deepEqual(await client.getVaultAccessPolicy(settings), { policy: { Policy } });
  await client.deleteVaultAccessPolicy(settings);

  await client.initiateVaultLock({ ...settings, policy: { Policy } });
  assert.equal((await client.getVaultLock(settings)).State, "InProgress");
  await client.abortVaultLock(settings);
  const { lockId } = await client.initiateVaultLock({ ...settings, policy: { Policy } });
  await client.completeVaultLock({ ...settings, lockId });
  assert.deepEqual(
    await client.getVaultLock(settings).then(({ State, ExpirationDate }) => ({ State, ExpirationDate })),
    { State: "Locked", ExpirationDate: null },
  );
  await assert.rejects(client.abortVaultLock(settings), AccessDeniedException);

  await client.addTagsToVault({ ...settings, Tags: { project: "moraine", empty: "" } });
  await client.removeTagsFromVault({ ...settings, TagKeys: ["empty"] });
  assert.deepEqual(await client.listTagsForVault(settings), { Tags: { project: "moraine" } });
});

test("the settings of an account are returned as they were set, to the last digit", async () => {
  const BytesPerHour = 9_223_372_036_854_775_807n;
  for (const rate of [BytesPerHour, 1n]) {
    await client.setDataRetrievalPolicy({ Policy: { Rules: [{ Strategy: "BytesPerHour", BytesPerHour: rate }] } });
    const { Policy } = await client.getDataRetrievalPolicy();
    assert.deepEqual(Policy.Rules, [{ Strategy: "BytesPerHour", BytesPerHour: rate }]);
  }
  const { archiveId } = await client.uploadArchive({ ...vault, body: contentOf(2, 1000) });
  const jobParameters = { Type: "archive-retrieval", ArchiveId: archiveId } as const;
  await assert.rejects(client.initiateJob({ ...vault, jobParameters }), PolicyEnforcedException);
  await client.setDataRetrievalPolicy({ Policy: { Rules: [{ Strategy: "None" }] } });
  assert.deepEqual((await client.getDataRetrievalPolicy()).Policy.Rules, [{ Strategy: "None" }]);

  const { capacityId } = await client.purchaseProvisionedCapacity();
  const { ProvisionedCapacityList } = await client.listProvisionedCapacity();
  assert.deepEqual(
    ProvisionedCapacityList.map(({ CapacityId }) => CapacityId),
    [capacityId],
  );
  await client.purchaseProvisionedCapacity();
  await assert.rejects(client.purchaseProvisionedCapacity(), LimitExceededException);
});

test("three pages of vaults, of jobs, of uploads and of parts are each read to their end, once", async () => {
  const paging = { vaultName: "paging" };
  await client.createVault(paging);
  for (let number = 0; number < 22; number += 1) {
    await client.createVault({ vaultName: `page-${String(number).padStart(2, "0")}` });
  }
  const vaultPages = await all(everyPage(client, "listVaults", {}));
  assert.equal(vaultPages.length, 3);
  const vaults = await all(everyItem(client, "listVaults", {}));
  const names = vaults.map(({ VaultName }) => VaultName).filter((name) => name.startsWith("page-"));
  assert.equal(new Set(names).size, 22);
  assert.equal(names.length, 22);

  const jobParameters = { Type: "inventory-retrieval" } as const;
  const made = await Promise.all(Array.from({ length: 5 }, () => client.initiateJob({ ...paging, jobParameters })));
  const jobs = await all(everyItem(client, "listJobs", { ...paging, limit: 2 }));
  assert.deepEqual(new Set(jobs.map(({ JobId }) => JobId)), new Set(made.map(({ jobId }) => jobId)));
  assert.equal((await all(everyPage(client, "listJobs", { ...paging, limit: 2 }))).length, 3);

  const begin = () => client.initiateMultipartUpload({ ...paging, partSize: mebibyte });
  const begun = await Promise.all(Array.from({ length: 5 }, begin));
  const uploads = await all(everyItem(client, "listMultipartUploads", { ...paging, limit: 2 }));
  assert.deepEqual(
    new Set(uploads.map(({ MultipartUploadId }) => MultipartUploadId)),
    new Set(begun.map(({ uploadId }) => uploadId)),
  );

  const upload = { ...paging, uploadId: begun[0]?.uploadId ?? "" };
  for (let part = 0; part < 5; part += 1) {
    const firstByte = part * mebibyte;
    const range = { firstByte, lastByte: firstByte + mebibyte - 1 };
    await client.uploadMultipartPart({ ...upload, range, body: contentOf(part, mebibyte) });
  }
  const parts = await all(everyItem(client, "listParts", { ...upload, limit: 2 }));
  assert.deepEqual(
    parts.map(({ RangeInBytes }) => RangeInBytes),
    Array.from({ length: 5 }, (_, part) => `${part * mebibyte}-${(part + 1) * mebibyte - 1}`),
  );
});

test("errors are distinguished by their classes, with the request they belong to", async () => {
  const missing = client.describeVault({ vaultName: "nowhere" });
  await assert.rejects(missing, (error) => {
    assert.ok(error instanceof ResourceNotFoundException && error instanceof GlacierServiceError);
    assert.equal(error.message, `Vault not found for ARN: arn:aws:glacier:${region}:${accountId}:vaults/nowhere`);
    assert.deepEqual([error.status, error.type, error.operation, error.attempts], [404, "Client", "DescribeVault", 1]);
    assert.match(String(error.requestId), /^[\w-]{47,48}$/);
    return true;
  });
  const body = contentOf(3, 10);
  const wrong = client.uploadArchive({ ...vault, body, checksum: "ab".repeat(32) });
  await assert.rejects(wrong, InvalidParameterValueException);
  const nothing = {} as JobParameters;
  await assert.rejects(client.initiateJob({ ...vault, jobParameters: nothing }), MissingParameterValueException);
  await assert.rejects(client.describeVault({ ...vault, accountId: "210987654321" }), AccessDeniedException);
  const others = { region, endpoint: server.url };
  const stranger = await createClient({ ...others, credentials: { ...rootKey, accessKeyId: "AKIAMORAINETESTS0002" } });
  await assert.rejects(stranger.listVaults(), UnrecognizedClientException);
  const forger = await createClient({ ...others, credentials: { ...rootKey, secretAccessKey: "guessed" } });
  await assert.rejects(forger.listVaults(), InvalidSignatureException);
});

test("the portable client signs and hashes alike", async () => {
  const portable = createPortableClient({ region, credentials: rootKey, endpoint: server.url, accountId });
  const bytes = contentOf(4, mebibyte + 1);
  const { archiveId, checksum } = await portable.uploadArchive({ ...vault, archiveDescription: "a  b", body: bytes });
  assert.equal(checksum, treeHashOf(bytes));
  await portable.deleteArchive({ ...vault, archiveId });
  const listed = await portable.listVaults({ limit: 1, marker: "" });
  assert.equal(listed.VaultList.length, 1);
});

test("a vault that is not needed goes", async () => {
  await client.createVault({ vaultName: "short-lived" });
  await client.deleteVault({ vaultName: "short-lived" });
  await assert.rejects(client.describeVault({ vaultName: "short-lived" }), ResourceNotFoundException);
});

test("in Node, region, keys and endpoint are those of AWS's tools", async () => {
  const config = join(folder.path, "config");
  const keys = `aws_access_key_id = ${rootKey.accessKeyId}\naws_secret_access_key = ${rootKey.secretAccessKey}\n`;
  await writeFile(config, `[default]\nregion = nowhere-1\n[profile backup]\nregion = ${region}\n${keys}`);
  const files = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: join(folder.path, "none") };
  const fromEnvironment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    AWS_ENDPOINT_URL_GLACIER: server.url,
  };
  assert.equal(await described(fromEnvironment), vaultName);
  assert.equal(await described({ ...files, AWS_PROFILE: "backup", AWS_ENDPOINT_URL: server.url }), vaultName);
  assert.equal(await described({ ...files, AWS_ENDPOINT_URL: server.url }, '{ profile: "backup" }'), vaultName);
  const both = { ...files, AWS_ACCESS_KEY_ID: "AKIAOFANOTHER0000001", AWS_SECRET_ACCESS_KEY: "of another" };
  const withProfile = described({ ...both, AWS_PROFILE: "backup", AWS_ENDPOINT_URL: server.url });
  await assert.rejects(withProfile, /InvalidSignatureException|security token/, "keys of the environment come first");
  assert.equal(await described({ ...both, AWS_ENDPOINT_URL: server.url }, '{ profile: "backup" }'), vaultName);
  await assert.rejects(described({ ...files, AWS_CONFIG_FILE: join(folder.path, "none") }), /No region is set/);
  const plain = { ...fromEnvironment, AWS_ENDPOINT_URL_GLACIER: "http://glacier.us-east-1.amazonaws.com" };
  await assert.rejects(described(plain), /plain HTTP is refused to AWS/);
});

/** Runs the client in a process of its own with such an environment, and returns its output. */
async function described(environment: Readonly<Record<string, string>>, options = ""): Promise<string> {
  const script = `
    const { createClient } = await import("@moraine/client/node");
    const client = await createClient(${options});
    const { VaultName } = await client.describeVault({ vaultName: "${vaultName}" });
    process.stdout.write(VaultName);`;
  const args = ["--conditions=@moraine/source", "--input-type=module", "--eval", script];
  const env = { ...cleanEnvironment(), ...environment };
  return (await promisify(execFile)(process.execPath, args, { cwd: repositoryRoot, env })).stdout;
}

test("and no operation was left out", () => {
  const names = Object.keys(operations).map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  assert.deepEqual(new Set(names.filter((name) => !called.has(name))), new Set());
});
