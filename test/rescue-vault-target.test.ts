import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { StoreOptions } from "../packages/cli/src/targets/target.ts";
import { VaultTarget } from "../packages/cli/src/targets/vault/vault-target.ts";
import { targetContract } from "../packages/cli/test/contract/target.ts";
import { archiveOf, outputOf } from "../packages/cli/test/support/archive-in-memory.ts";
import { storeUntilKilled } from "../packages/cli/test/support/killed-store.ts";
import { createClient, everyItem } from "../packages/client/src/node.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";

// Copies of archives in another vault, of a real server.

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;
const options: StoreOptions = { signal: never, onBytes: () => undefined };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A vault's name, and what opens it as a target. */
function newVault(url = server.url, credentials = async () => rootKey) {
  const name = randomUUID();
  const stateFolder = join(folder.path, name);
  const documentsFolder = join(stateFolder, "documents");
  const target = `vault:${name}@${url}`;
  return {
    name,
    stateFolder,
    target,
    open: () => VaultTarget.open(target, { credentials, stateFolder, documentsFolder }),
  };
}

targetContract("a vault", async () => {
  const { open } = newVault();
  return { open, intruder: null, [Symbol.asyncDispose]: () => Promise.resolve() };
});

test("descriptions are kept, and those that no vault accepts are encoded", async () => {
  const { name, open } = newVault();
  await using target = await open();
  await using _lock = await target.lock(never);
  const descriptions = ["plain 100% ASCII", "Übung", "x".repeat(2000)];
  for (const [index, description] of descriptions.entries()) {
    const archive = archiveOf(index, 1000);
    await target.store({ ...archive.facts, description }, outputOf(archive).output, options);
  }
  const stored = (await http.inventory(name)).map(({ ArchiveDescription }) => ArchiveDescription);
  assert.deepEqual(new Set(stored), new Set(["plain 100% ASCII", "%C3%9Cbung", "x".repeat(1024)]));
});

test("journals of copies that the manifest has are removed", async () => {
  const { stateFolder, open } = newVault();
  await using target = await open();
  await using _lock = await target.lock(never);
  const archives = [1, 2].map((seed) => archiveOf(seed, 1000));
  for (const archive of archives) {
    await target.store(archive.facts, outputOf(archive).output, options);
  }
  const journals = async () => (await readdir(stateFolder)).filter((name) => name.endsWith(".upload")).length;
  assert.equal(await journals(), 2);
  await target.recorded(archives.map(({ facts }) => facts.archiveId));
  assert.equal(await journals(), 0);
});

test("an archive that is given up leaves no upload at the service", async () => {
  const { name, open } = newVault();
  await using target = await open();
  await using _lock = await target.lock(never);
  const archive = archiveOf(3, 20 * mebibyte);
  await assert.rejects(target.store(archive.facts, outputOf(archive, 9 * mebibyte).output, options));
  const client = await createClient({ endpoint: server.url, region, credentials: rootKey });
  const uploads = async () => {
    let count = 0;
    for await (const _ of everyItem(client, "listMultipartUploads", { vaultName: name })) {
      count += 1;
    }
    return count;
  };
  assert.equal(await uploads(), 1);
  await target.abandon(archive.facts, never);
  assert.equal(await uploads(), 0);
});

test("a process that is killed again and again stores one archive, and sends few parts again", async () => {
  const { name, stateFolder, target } = newVault();
  const sizeBytes = 48 * mebibyte + 5;
  const environment = {
    MORAINE_TARGET_ACCESS_KEY_ID: rootKey.accessKeyId,
    MORAINE_TARGET_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
  };
  const run = { url: target, stateFolder, sizeBytes, environment };
  let receivedBytes = 0;
  for (const killAfterBytes of [30 * mebibyte, 30 * mebibyte, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]) {
    receivedBytes += await storeUntilKilled(run, killAfterBytes);
  }
  const [archive, ...more] = await http.inventory(name);
  assert.deepEqual(
    [archive?.Size, archive?.SHA256TreeHash, more],
    [sizeBytes, archiveOf(77, sizeBytes).facts.treeHash, []],
  );
  // Three parts of 8 MiB are in progress at each kill.
  assert.ok(receivedBytes < sizeBytes + 2 * 28 * mebibyte, `${receivedBytes} bytes were received`);
});

test("a copy that was deleted from its vault is missing", async () => {
  const { name, open } = newVault();
  await using target = await open();
  await using _lock = await target.lock(never);
  const archive = archiveOf(4, 1000);
  const { location } = await target.store(archive.facts, outputOf(archive).output, options);
  await http.deleteArchive(name, location);
  assert.equal(await target.check({ ...archive.facts, location, sha256: null }, never), "missing");
});

test("errors of the target are not those of the source", async () => {
  const archive = archiveOf(5, 1000);
  const refused = newVault(server.url, async () => ({ ...rootKey, secretAccessKey: "another" }));
  await using target = await refused.open();
  await assert.rejects(target.lock(never), {
    name: "TargetUnavailableError",
    message: /^Cannot use vault \S+ at http:\S+: /,
  });
  await assert.rejects(target.store(archive.facts, outputOf(archive).output, options), {
    name: "TargetUnavailableError",
  });
  const { open } = newVault();
  await using other = await open();
  await assert.rejects(other.store(archive.facts, outputOf(archive).output, options), {
    name: "TargetUnavailableError",
  });
  await using _lock = await other.lock(never);
  const output = outputOf(archive).output;
  const failure = Object.assign(new Error("The source throttles"), { name: "ThrottlingException", type: "Client" });
  const failing = { ...output, open: () => Promise.reject(failure) };
  await assert.rejects(
    other.store(archive.facts, failing, options),
    ({ name }: Error) => name !== "TargetUnavailableError",
  );
});

test("a copy that is newer than the vault's inventory can only be checked later", async () => {
  await using data = await temporaryFolder(memoryFolder);
  const flags = ["--clock", "manual", "--profile", "aws"];
  await using aws = await startServer({ dataFolder: data.path, flags });
  const { name, open } = newVault(aws.url);
  await using target = await open();
  await using _lock = await target.lock(never);
  const archive = archiveOf(6, 1000);
  const copy = await target.store(archive.facts, outputOf(archive).output, options);
  const manual = new GlacierHttp(aws.url);
  const advance = (hours: number) => manual.admin("POST", "/clock", { Seconds: hours * 3600 });
  const check = (verifiedAt: Date) =>
    target.check({ ...archive.facts, ...copy, location: "another", verifiedAt }, never);
  await assert.rejects(check(new Date("2000-01-01")), { name: "UncheckableError", message: /has no inventory yet/ });
  await advance(26);
  const client = await createClient({ endpoint: aws.url, region, credentials: rootKey });
  const advancing = setInterval(async () => {
    const { JobList } = await client.listJobs({ vaultName: name, statuscode: "InProgress" });
    await (JobList.length > 0 && advance(5));
  }, 200);
  try {
    await assert.rejects(check(new Date("2100-01-01")), {
      name: "UncheckableError",
      message: /check again after the next/,
    });
    assert.equal(await check(new Date("2000-01-01")), "missing");
    assert.equal(await target.check({ ...archive.facts, ...copy }, never), "sound");
  } finally {
    clearInterval(advancing);
    manual.close();
  }
});
