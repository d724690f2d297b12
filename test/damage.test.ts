import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { asRoot, ShellHere } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { freshMetrics } from "./support/metrics.ts";
import { accountId, region, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// One bit of a real server's folder is flipped: what its operator and its users are shown.

const mebibyte = 1024 ** 2;
const content = contentOf(5, 3 * mebibyte);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataFolder: string;
let server: ServerProcess;
let http: GlacierHttp;
let shell: ShellHere;
let archiveId: string;
/** Relative to the data folder. */
let file: string;
before(async () => {
  folder = await temporaryFolder();
  dataFolder = join(folder.path, "data");
  await begin();
  await http.createVault("photos");
  archiveId = await http.uploadArchive("photos", content, "holiday");
  const files = await readdir(join(dataFolder, "blobs"), { recursive: true });
  file = join("blobs", files.find((name) => name.includes(archiveId)) ?? "");
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function begin(): Promise<void> {
  server = await startServer({ dataFolder });
  http = new GlacierHttp(server.url);
  shell = new ShellHere(folder.path);
  Object.assign(
    process.env,
    {
      AWS_ENDPOINT_URL_GLACIER: server.url,
      MORAINE_ENDPOINT: server.url,
      AWS_REGION: region,
      XDG_STATE_HOME: folder.path,
    },
    asRoot,
  );
}

const metrics = async () => {
  const text = await freshMetrics(server.url);
  return ["moraine_suspect_segments", "moraine_damaged_archives", "moraine_damaged_reads_total"].map((name) =>
    Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]),
  );
};
const warning = "Stored data is damaged and not served: bytes of 1 archive. List them with: moraine admin damaged";
const damageLines = (stderr: string) =>
  stderr
    .split("\n")
    .filter((line) => line.includes('"reason"'))
    .map((line) => JSON.parse(line));

test("damage is logged once, counted, warned of and listed, over a restart, until it is repaired", async () => {
  assert.deepEqual(await metrics(), [0, 0, 0]);
  assert.equal(await shell.done(["admin", "damaged"]), "No damage is known.\n");
  await flipBit(join(dataFolder, file), mebibyte + 7);
  for (const _ of [1, 2]) {
    const retrieval = ["retrieve", "photos", archiveId, "-o", "target"];
    const { code, stderr } = await shell.run(retrieval);
    assert.equal(code, 1);
    assert.match(stderr, /The stored archive is damaged/);
    assert.match(stderr, /Ask the operator to run moraine admin damaged/);
    assert.doesNotMatch(stderr, /Start another job/);
  }
  assert.deepEqual(await metrics(), [1, 1, 2]);
  const ready = await (await fetch(`${server.url}/health/ready`)).json();
  assert.deepEqual(ready, { status: "ready" }, "strangers are not told");
  assert.ok((await shell.done(["admin", "health"])).includes(`WARNING: ${warning}`));
  const { stderr } = await server.stop();
  const [line, ...others] = damageLines(stderr);
  assert.deepEqual(others, []);
  const { level, vault, archive, segment, file: logged, firstByte, lastByte, reason } = line;
  assert.deepEqual(
    { level, vault, archive, segment, file: logged, firstByte, lastByte, reason },
    {
      level: 50,
      vault: `arn:aws:glacier:${region}:${accountId}:vaults/photos`,
      archive: archiveId,
      segment: file.slice("blobs/".length),
      file,
      firstByte: mebibyte,
      lastByte: 2 * mebibyte - 1,
      reason: "the MiB at byte 1048576 does not match its hash",
    },
  );

  await begin();
  assert.deepEqual(await metrics(), [1, 1, 0]);
  const table = await shell.done(["admin", "damaged"]);
  for (const shown of [
    archiveId,
    "holiday",
    "1048576-2097151",
    "does not match its hash",
    file.slice("blobs/".length),
  ]) {
    assert.ok(table.includes(shown), `${shown} in ${table}`);
  }
  const [listed] = JSON.parse(await shell.done(["admin", "damaged", "--json"]));
  assert.equal(listed.ArchiveId, archiveId);

  await flipBit(join(dataFolder, file), mebibyte + 7);
  await shell.run(["retrieve", "photos", archiveId, "-o", "target"]);
  assert.equal(await shell.done(["admin", "damaged"]), "No damage is known.\n");
  assert.deepEqual(await metrics(), [0, 0, 0]);
});

test("a download that meets damage ends at once, and says whose it is", async () => {
  const whole = await http.uploadArchive("photos", contentOf(6, 9 * mebibyte), "");
  const jobId = await http.initiateJob("photos", { Type: "archive-retrieval", ArchiveId: whole });
  await http.jobSucceeded("photos", jobId);
  const files = await readdir(join(dataFolder, "blobs"), { recursive: true });
  await flipBit(join(dataFolder, "blobs", files.find((name) => name.includes(whole)) ?? ""), 8 * mebibyte + 3);
  const { code, stderr } = await shell.run(["job", "output", "photos", jobId, "-o", "output"]);
  assert.equal(code, 1);
  assert.match(stderr, /The stored data is damaged, so it is not returned/);
  assert.match(stderr, /Ask the operator to run moraine admin damaged/);
});
