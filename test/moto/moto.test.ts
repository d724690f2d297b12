import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createClient,
  everyItem,
  type GlacierClient,
  JobFailedError,
  RangeFailedError,
  retrieveArchive,
  retrieveInventory,
  UnexpectedResponseError,
  uploadArchive,
  VerificationError,
} from "@moraine/client/node";
import { operations } from "@moraine/protocol";
import { asRoot, ShellHere } from "../support/command.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { type MotoServer, startMoto } from "../support/moto-server.ts";
import { accountId, region, rootKey } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Our client against a service that is neither AWS's nor ours: moto, which has ten of the operations, and computes no tree
// hashes. docs/compatibility.md tells users what these tests show.

const mebibyte = 1024 ** 2;
const vault = { vaultName: "photos" };
const served = [
  "createVault",
  "describeVault",
  "listVaults",
  "deleteVault",
  "uploadArchive",
  "deleteArchive",
  "initiateJob",
  "describeJob",
  "listJobs",
  "getJobOutput",
];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let moto: MotoServer;
let client: GlacierClient;

before(async () => {
  folder = await temporaryFolder();
  moto = await startMoto();
  client = await createClient({ region, credentials: rootKey, endpoint: moto.url, attemptsMax: 1 });
  await client.createVault(vault);
});

after(async () => {
  await moto[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function succeeded(jobId: string): Promise<void> {
  for (let asked = 0; (await client.describeJob({ ...vault, jobId })).StatusCode !== "Succeeded"; asked += 1) {
    assert.ok(asked < 100, "the job does not end");
    await sleep(100);
  }
}

test("moto's operations on vaults, archives and jobs are called, and its responses are read", async () => {
  const VaultARN = `arn:aws:glacier:${region}:${accountId}:vaults/${vault.vaultName}`;
  assert.equal((await client.describeVault(vault)).VaultARN, VaultARN);
  const vaults = await all(everyItem(client, "listVaults", {}));
  assert.deepEqual(
    vaults.map(({ VaultName }) => VaultName),
    [vault.vaultName],
  );

  const body = contentOf(1, 1000);
  const { archiveId, checksum } = await client.uploadArchive({ ...vault, body, archiveDescription: "a  b" });
  assert.equal(checksum, treeHashOf(body));
  const archive = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Expedited" } as const;
  const { jobId } = await client.initiateJob({ ...vault, jobParameters: archive });
  const listed = await all(everyItem(client, "listJobs", vault));
  assert.deepEqual(
    listed.map(({ JobId }) => JobId),
    [jobId],
  );
  await succeeded(jobId);
  const output = await client.getJobOutput({ ...vault, jobId });
  assert.deepEqual(Buffer.concat(await all(output.body)), body);
  assert.deepEqual([output.status, output.sizeBytes, output.checksum], [200, 1000, null]);

  const inventory = { Type: "inventory-retrieval", Tier: "Expedited" } as const;
  const { jobId: inventoryId } = await client.initiateJob({ ...vault, jobParameters: inventory });
  await succeeded(inventoryId);
  const { body: text } = await client.getJobOutput({ ...vault, jobId: inventoryId });
  const { ArchiveList } = JSON.parse(Buffer.concat(await all(text)).toString());
  assert.equal(ArchiveList[0].ArchiveDescription, "a  b");
  await client.deleteArchive({ ...vault, archiveId });
  const other = { vaultName: "other" };
  await client.createVault(other);
  await client.deleteVault(other);
});

test("operations that moto does not have fail as another service's response", async () => {
  const methods = Object.keys(operations).map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  const missing = methods.filter((method) => !served.includes(method));
  assert.equal(missing.length, 23);
  const input = { ...vault, uploadId: "u", lockId: "l", range: { firstByte: 0, lastByte: 0 }, body: new Uint8Array(1) };
  const anyClient = client as unknown as Record<string, (members: object) => Promise<unknown>>;
  for (const method of missing) {
    await assert.rejects(
      async () => anyClient[method]?.(input),
      (error) => {
        assert.ok(error instanceof UnexpectedResponseError && error.status === 404, method);
        return true;
      },
    );
  }
});

test("an error in moto's words is reported with them", async () => {
  await assert.rejects(client.describeVault({ vaultName: "nowhere" }), (error) => {
    assert.ok(error instanceof UnexpectedResponseError);
    assert.match(error.message, /^DescribeVault: responded with 400 .*not as this service does: .*Vault not found/);
    return true;
  });
});

test("an upload beyond one leaf is not acknowledged, for moto gives a hash of another kind", async () => {
  const path = join(folder.path, "source");
  const bytes = contentOf(2, mebibyte + 1);
  await writeFile(path, bytes.subarray(0, mebibyte));
  const { treeHash } = await uploadArchive(client, { path }, vault);
  assert.equal(treeHash, treeHashOf(bytes.subarray(0, mebibyte)));
  await writeFile(path, bytes);
  await assert.rejects(uploadArchive(client, { path }, vault), VerificationError);
  await assert.rejects(uploadArchive(client, { path }, { ...vault, partSizeBytes: mebibyte }), UnexpectedResponseError);
});

test("a retrieval ends without a file, for moto says no size, or a wrong one", async () => {
  const { archiveId } = await uploadArchive(client, contentOf(3, 10), vault);
  const target = join(folder.path, "target");
  const retrieval = retrieveArchive(
    client,
    { ...vault, archiveId },
    { target, tier: "Expedited", acceptUnverified: true },
  );
  await assert.rejects(retrieval, JobFailedError);
  await assert.rejects(retrieveInventory(client, vault, { target }), RangeFailedError);
  assert.equal(existsSync(target), false);
});

test("the command does with moto what the library does, and says where it ends", async () => {
  Object.assign(process.env, { AWS_ENDPOINT_URL_GLACIER: moto.url, AWS_REGION: region }, asRoot);
  const shell = new ShellHere(folder.path);
  await shell.done(["vault", "create", "commanded"]);
  assert.match(await shell.done(["vault", "list", "--quiet"]), /^commanded$/m);
  const id = (await shell.done(["upload", "commanded", "-", "--quiet"], { input: "some bytes" })).trim();
  const job = (await shell.done(["job", "start", "commanded", id, "--tier", "Expedited", "--quiet"])).trim();
  assert.match(await shell.done(["job", "list", "commanded"]), new RegExp(`^\\S+ .* ${job} +-$`, "m"));
  assert.match(await shell.done(["job", "describe", "commanded", job]), new RegExp(`^archive +${id}$`, "m"));
  await shell.refused(["job", "wait", "commanded", job], 1, /does not say how large its archive is/);
  const large = { input: contentOf(4, mebibyte + 1) };
  await shell.refused(["upload", "commanded", "-"], 4, /accepted the upload anyway/, large);
  const unlike = /^moraine: \w+: responded with 40[04] .*not as this service does/;
  await shell.refused(["vault", "describe", "nowhere"], 1, unlike);
  await shell.refused(["upload", "list", "commanded"], 1, unlike);
  await shell.done(["archive", "delete", "commanded", id]);
  await shell.done(["vault", "delete", "commanded"]);
});
