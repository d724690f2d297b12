import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { runProgram } from "../support/backups/programs.ts";
import { contentOf } from "../support/content.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { type MotoServer, startMoto } from "../support/moto-server.ts";
import { untilTrue } from "../support/sdk-client.ts";
import { cleanEnvironment, serverProgram, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { ids } from "../support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "../support/verify/folders.ts";
import { fileOf, findingsIn } from "../support/verify/look.ts";

// Backups in a bucket of a service that is not ours: made, checked, restored, expired and damaged.

const mebibyte = 1024 ** 2;
const Bucket = process.env["S3_BUCKET"] ?? "vaults";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const environment = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_EC2_METADATA_DISABLED: "true",
};

/** Another service, which has to have the bucket: `S3_ENDPOINT=http://… npm run test:moto`. */
const given = process.env["S3_ENDPOINT"];
let moto: MotoServer | null = null;
let s3: S3Client;
let endpoint: string;
let folders: Folders;
let prefixes = 0;

before(async () => {
  moto = given === undefined ? await startMoto() : null;
  endpoint = given ?? moto?.url ?? "";
  const own = given === undefined ? credentials : undefined;
  s3 = new S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, ...(own && { credentials: own }) });
  if (moto !== null) {
    await s3.send(new CreateBucketCommand({ Bucket }));
  }
  folders = await filledFolders();
});
after(async () => {
  s3.destroy();
  await moto?.[Symbol.asyncDispose]();
  await folders[Symbol.asyncDispose]();
});

function place() {
  prefixes += 1;
  const prefix = `run-${process.pid}/${prefixes}`;
  return { prefix, url: `s3://${Bucket}/${prefix}?endpoint=${encodeURIComponent(endpoint)}&region=us-east-1` };
}

const run = (name: "backup" | "restore", ...args: string[]) =>
  runProgram(name, args, given === undefined ? environment : process.env);

async function keysIn(prefix: string): Promise<string[]> {
  const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/` }));
  return (page.Contents ?? []).map(({ Key = "" }) => Key.slice(prefix.length + 1));
}

async function backedUp(url: string, data: string, ...flags: string[]) {
  const { code, stdout, stderr } = await run("backup", url, "--data", data, "--json", ...flags);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("a bucket's backups share segments, have no key, are checked to the last byte, and restore to a sound folder", async () => {
  await using folder = await temporaryFolder();
  const { prefix, url } = place();
  const data = join(folder.path, "data");
  await copyOf(folders.stopped, data);
  const key = join(folder.path, "kept.key");
  const first = await backedUp(url, data, "--key-to", key);
  assert.ok(first.copiedCount > 5 && first.missingSegments === 0);
  let late: string;
  {
    await using server = await startServer({ dataFolder: data });
    const http = new GlacierHttp(server.url);
    late = await http.uploadArchive("photos", contentOf(77, 2 * mebibyte + 9), "late");
    const second = await backedUp(url, data);
    assert.deepEqual([second.copiedCount, second.segments.count], [1, first.segments.count + 1]);
    http.close();
    await server.stop();
  }
  const keys = await keysIn(prefix);
  assert.equal(keys.filter((key) => key.endsWith("/manifest.json")).length, 2);
  assert.deepEqual(
    keys.filter((key) => /secrets|lock|unfinished|expired/.test(key)),
    [],
  );
  const checked = await run("backup", url, "--check");
  assert.match(
    checked.stdout,
    /^no damage found\nchecked 2 backups with \d+ segments of \d+ bytes; every byte read\n$/,
  );
  const target = join(folder.path, "restored");
  const { code, stdout } = await run("restore", url, target, "--key", key);
  assert.equal(code, 0, stdout);
  assert.deepEqual(await findingsIn(target, "deep"), []);
  await using server = await startServer({ dataFolder: target });
  const http = new GlacierHttp(server.url);
  assert.ok((await http.retrieve("photos", late)).equals(contentOf(77, 2 * mebibyte + 9)));
  http.close();
  await server.stop();
});

test("old backups go with the segments that they alone have, and an interrupted one is no backup", async () => {
  await using folder = await temporaryFolder();
  const { prefix, url } = place();
  const data = join(folder.path, "data");
  await copyOf(folders.stopped, data);
  const first = await backedUp(url, data);
  // As a backup that was killed before its manifest leaves it.
  const [piece = ""] = (await keysIn(prefix)).filter((key) => key.includes("moraine.db"));
  assert.ok(piece.includes(first.name));
  const [manifest] = (await keysIn(prefix)).filter((key) => key.endsWith("manifest.json"));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: `${prefix}/${manifest}` }));
  await s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}/unfinished/${first.name}`, Body: "-" }));
  const none = await run("restore", url, join(folder.path, "none"));
  assert.deepEqual([none.code, /There is no complete backup/.test(none.stderr)], [2, true], none.stderr);
  const second = await backedUp(url, data);
  assert.equal(second.copiedCount, 0, "its segments are used");
  assert.ok(!(await keysIn(prefix)).some((key) => key.includes(first.name)), "and all else of it is gone");
  // One archive more, and one less.
  {
    await using server = await startServer({ dataFolder: data, flags: ["--deleted-grace", "0"] });
    const http = new GlacierHttp(server.url);
    await http.deleteArchive("photos", ids.single);
    await http.uploadArchive("photos", contentOf(5, 100), "more");
    http.close();
    await server.stop();
  }
  await rm(await fileOf(data, ids.single), { force: true }).catch(() => undefined);
  const third = await backedUp(url, data, "--keep", "1");
  assert.deepEqual(third.removedBackups, [second.name]);
  const left = await keysIn(prefix);
  assert.equal(left.filter((key) => key.endsWith("manifest.json")).length, 1);
  assert.deepEqual(
    left.filter((key) => /unfinished|expired|lock/.test(key)),
    [],
  );
  const checked = await run("backup", url, "--check");
  assert.equal(checked.code, 0, checked.stdout);
});

test("a backup that is killed is no backup, keeps others out until its lock ends, and the next one uses its segments", async () => {
  await using folder = await temporaryFolder();
  const { prefix, url } = place();
  const data = join(folder.path, "data");
  await copyOf(folders.stopped, data);
  const program = serverProgram("backup");
  const args = ["--conditions=@moraine/source", program, url, "--data", data, "--max-rate", "500kB"];
  const env = given === undefined ? { ...cleanEnvironment(), ...environment } : process.env;
  const child = spawn(process.execPath, args, { env, stdio: "ignore" });
  await untilTrue("a segment is there", async () => (await keysIn(prefix)).some((key) => key.startsWith("blobs/")));
  child.kill("SIGKILL");
  await once(child, "close");
  const left = await keysIn(prefix);
  assert.ok(!left.some((key) => key.endsWith("manifest.json")), "it was killed in the middle");
  const segments = left.filter((key) => key.startsWith("blobs/")).length;
  const none = await run("restore", url, join(folder.path, "none"));
  assert.match(none.stderr, /There is no complete backup/);
  const held = await run("backup", url, "--data", data);
  assert.match(held.stderr, /is in use by another backup: .* remove the object lock\.json/);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: `${prefix}/lock.json` }));
  const next = await backedUp(url, data);
  assert.equal(next.copiedCount, next.segments.count - segments);
  const keys = await keysIn(prefix);
  assert.deepEqual(new Set(keys.map((key) => key.split("/")[0])), new Set(["backups", "blobs"]));
  assert.equal((await run("backup", url, "--check")).code, 0);
});

test("damage in the bucket is named, and nothing is removed while a backup that stays is damaged", async () => {
  await using folder = await temporaryFolder();
  const { prefix, url } = place();
  const data = join(folder.path, "data");
  await copyOf(folders.stopped, data);
  await backedUp(url, data);
  await backedUp(url, data);
  const keys = await keysIn(prefix);
  const segment = keys.find((key) => key.includes(ids.other));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: `${prefix}/${segment}` }));
  const parts = keys.find((key) => key.includes(ids.single));
  await s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}/${parts}`, Body: "other bytes" }));
  const [, newest] = keys.filter((key) => key.endsWith("manifest.json"));
  await s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}/${newest}`, Body: "{}" }));
  const checked = await run("backup", url, "--check", "--json");
  const lines = checked.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(checked.code, 1);
  assert.deepEqual(
    lines
      .map(({ code }) => code)
      .filter(Boolean)
      .sort(),
    ["backup-manifest", "backup-segment", "backup-segment"],
  );
  const kept = await run("backup", url, "--data", data, "--keep", "1", "--accept-loss");
  assert.match(kept.stdout, /what is too old could not be removed: the backup \S+ is damaged/);
  const again = await run("backup", url, "--check", "--json");
  const codes = again.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).code);
  assert.deepEqual(codes.filter(Boolean), ["backup-manifest"], "missing and short segments are copied again");
});

test("a second backup, a missing bucket and missing rights are refused in one line", async () => {
  const { prefix, url } = place();
  await s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}/lock.json`, Body: "{}" }));
  const held = await run("backup", url, "--data", folders.stopped);
  assert.deepEqual([held.code, held.stdout], [2, ""]);
  assert.match(held.stderr, /^moraine: s3:\/\/\S+ is in use by another backup: [^\n]+\n$/);
  const missing = await run("backup", url.replace(`s3://${Bucket}`, "s3://missing-bucket"), "--data", folders.stopped);
  assert.deepEqual([missing.code, missing.stderr.split("\n").length], [2, 2], missing.stderr);
  assert.match(missing.stderr, /^moraine: s3:\/\/missing-bucket\/\S*: /);
});
