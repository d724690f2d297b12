import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { untilTrue } from "./support/sdk-client.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A server process with a second copy of all bytes: which folders it takes for a mirror, and how both are repaired from each other.

const mebibyte = 1024 ** 2;
const older = contentOf(1, 2 * mebibyte);
const newer = contentOf(2, 3 * mebibyte);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataFolder: string;
let mirror: string;
before(async () => {
  folder = await temporaryFolder();
  dataFolder = join(folder.path, "data");
  mirror = join(folder.path, "mirror");
});
after(() => folder[Symbol.asyncDispose]());

const start = (path = mirror, data = dataFolder): Promise<ServerProcess> =>
  startServer({ dataFolder: data, flags: ["--clock", "manual", "--mirror", path] });

async function fileOf(root: string, archiveId: string): Promise<string | null> {
  const files = await readdir(join(root, "blobs"), { recursive: true });
  const name = files.find((file) => file.includes(archiveId));
  return name === undefined ? null : join(root, "blobs", name);
}
async function metric(server: ServerProcess, series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}
async function retrieve(glacier: GlacierHttp, archiveId: string): Promise<Buffer> {
  const jobId = await glacier.initiateJob("photos", { Type: "archive-retrieval", ArchiveId: archiveId });
  await glacier.jobSucceeded("photos", jobId);
  return glacier.jobOutput("photos", jobId);
}

test("a mirror gets all bytes, older ones too, and either copy is repaired from the other", async () => {
  let olderId: string;
  {
    await using server = await startServer({ dataFolder });
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault("photos");
    olderId = await glacier.uploadArchive("photos", older, "before the mirror");
    glacier.close();
  }
  await using server = await start();
  const glacier = new GlacierHttp(server.url);
  const newerId = await glacier.uploadArchive("photos", newer, "with the mirror");
  const [inData, inMirror] = [await fileOf(dataFolder, newerId), await fileOf(mirror, newerId)];
  assert.ok(inData !== null && inMirror !== null);
  assert.deepEqual(await readFile(inMirror), await readFile(inData));
  await untilTrue("older bytes are copied", async () => (await fileOf(mirror, olderId)) !== null);
  await untilTrue("it is counted", async () => (await metric(server, 'moraine_repairs_total{copy="mirror"}')) === 1);

  await flipBit(inData, mebibyte + 1);
  assert.deepEqual(await retrieve(glacier, newerId), newer);
  await glacier.admin("POST", "/clock", { Seconds: 60 });
  await untilTrue("it is repaired", async () => (await metric(server, 'moraine_repairs_total{copy="data"}')) === 1);
  assert.deepEqual(await readFile(inMirror), await readFile(inData));
  assert.equal(await metric(server, "moraine_damaged_archives"), 0);
  assert.equal((await readdir(join(dataFolder, "quarantine"))).length, 1);
  glacier.close();
  const { stderr } = await server.stop();
  assert.match(stderr, /lies on the same file system as the data folder: when that disk fails, both copies are lost/);
  assert.match(stderr, /"stored data is damaged; its copy in the mirror is returned, and replaces it soon"/);
  assert.match(stderr, /"copy":"data",.*"a damaged or missing copy was replaced by the other one"/);
});

describe("a start is refused", () => {
  const refusals: Readonly<
    Record<string, { readonly path: () => string | Promise<string>; readonly message: RegExp }>
  > = {
    "for a mirror within the data folder": {
      path: () => join(dataFolder, "mirror"),
      message: /lie within each other: choose another disk/,
    },
    "for a mirror around the data folder": { path: () => folder.path, message: /lie within each other/ },
    "for a folder with other files": {
      path: async () => {
        const path = join(folder.path, "documents");
        await mkdir(path);
        await writeFile(join(path, "letter.txt"), "");
        return path;
      },
      message: /has no mirror\.json: mount its disk/,
    },
    "for an empty folder where the mirror's disk is not mounted": {
      path: () => join(folder.path, "not-mounted"),
      message: /has no mirror\.json: mount its disk; to begin a new mirror, remove mirror\.json from the data folder/,
    },
    "for a mirror in a folder that does not exist": {
      path: () => join(folder.path, "missing", "mirror"),
      message: /The mirror .* cannot be made: ENOENT/,
    },
  };
  for (const [what, { path, message }] of Object.entries(refusals)) {
    test(what, async () => {
      await assert.rejects(start(await path()), message);
    });
  }

  test("for the mirror of another data folder, and for other files in a first mirror", async () => {
    const other = join(folder.path, "other");
    await assert.rejects(start(mirror, other), /belongs to another data folder: choose an empty folder/);
    await assert.rejects(
      start(join(folder.path, "documents"), other),
      /is no mirror: it holds other files \(letter\.txt\)/,
    );
  });

  test("while another server has the mirror", async () => {
    const second = join(folder.path, "second");
    await (await startServer({ dataFolder: second })).stop();
    await writeFile(join(second, "mirror.json"), await readFile(join(dataFolder, "mirror.json")));
    await using _ = await start();
    await assert.rejects(start(mirror, second), /The mirror .* is in use by another process/);
  });
});

test("a new mirror begins once the operator has removed the marker", async () => {
  await rm(join(dataFolder, "mirror.json"));
  const next = join(folder.path, "next");
  await using server = await start(next);
  await untilTrue("all is copied", async () => (await metric(server, 'moraine_repairs_total{copy="mirror"}')) === 2);
});
