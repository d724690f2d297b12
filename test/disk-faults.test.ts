import assert from "node:assert/strict";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { spawnChild } from "./support/disk-rig/metadata-run.ts";
import { DiskRig } from "./support/disk-rig/rig.ts";
import { GlacierHttp, RefusedError } from "./support/glacier-http.ts";
import { endingOf, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Faults of the disk as clients and operators see them.

const vault = "faulty-disk";
/** More than enough for a checkpoint: each upload adds some pages to the log. */
const uploadsMax = 400;
const bytes = Buffer.from("bytes");
const description = "d".repeat(1000);

test("stops when a checkpoint cannot be synced, and keeps what it acknowledged", async () => {
  await using disk = await faultyDisk();
  const { dataFolder, rig } = disk;
  const acknowledged: string[] = [];
  {
    await using server = await startServer({ dataFolder, environment: rig.environment });
    using glacier = clientOf(server.url);
    await glacier.createVault(vault);
    await rig.fail({ call: "sync", pattern: "*/moraine.db", outcome: "EIO" });
    const upload = async () => {
      while (acknowledged.length < uploadsMax) {
        acknowledged.push(await glacier.uploadArchive(vault, bytes, description));
      }
    };
    await assert.rejects(upload());
    const { code, stderr } = await server.ended;
    assert.equal(code, 1);
    assert.match(stderr, /A checkpoint of the database failed: disk I\/O error/);
  }
  await using server = await startServer({ dataFolder });
  using glacier = clientOf(server.url);
  const listed = new Set((await glacier.inventory(vault)).map(({ ArchiveId }) => ArchiveId));
  assert.deepEqual(
    acknowledged.filter((id) => !listed.has(id)),
    [],
  );
});

test("reports at its end that the last checkpoint failed", async () => {
  await using disk = await faultyDisk();
  const { dataFolder, rig } = disk;
  await using server = await startServer({ dataFolder, environment: rig.environment });
  using glacier = clientOf(server.url);
  await glacier.createVault(vault);
  await rig.fail({ call: "sync", pattern: "*/moraine.db", outcome: "EIO" });
  server.signal("SIGTERM");
  const { code, stderr } = await server.ended;
  assert.equal(code, 1);
  assert.match(stderr, /stopping has failed/);
  assert.match(stderr, /disk I\/O error/);
});

test("an exhausted quota refuses uploads as a full disk does, until there is room", async () => {
  await using disk = await faultyDisk();
  const { dataFolder, rig } = disk;
  await using server = await startServer({ dataFolder, environment: rig.environment });
  using glacier = clientOf(server.url);
  await glacier.createVault(vault);
  await rig.fail({ call: "write", pattern: "*/data/*", outcome: "EDQUOT" });
  const refused = (error: unknown) => error instanceof RefusedError && /storage is full/.test(error.message);
  for (let upload = 0; upload < 3; upload += 1) {
    await assert.rejects(glacier.uploadArchive(vault, bytes, description), refused);
  }
  await rig.lift();
  const id = await glacier.uploadArchive(vault, bytes, description);
  assert.ok((await glacier.retrieve(vault, id)).equals(bytes));
  await server.stop();
});

test("changes are refused when the log is long and the database cannot grow, until there is room", async () => {
  await using disk = await faultyDisk();
  const { dataFolder, rig } = disk;
  await using server = await startServer({ dataFolder, environment: rig.environment });
  await server.stop();
  const path = join(dataFolder, "moraine.db");
  await rig.fail({ call: "write", pattern: "*/moraine.db", outcome: "ENOSPC" });
  const child = spawnChild([path, "60"], rig);
  const ended = endingOf(child);
  let logSizeBytes: number | null = null;
  let keptAfterwards = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("full ") && logSizeBytes === null) {
      logSizeBytes = (await stat(`${path}-wal`)).size;
      await rig.lift();
    }
    keptAfterwards += logSizeBytes !== null && line.startsWith("kept ") ? 1 : 0;
  }
  assert.equal((await ended).code, 0);
  // The limit of this process is 48 frames; a batch may pass it.
  assert.ok(logSizeBytes !== null && logSizeBytes < 100 * 4120, `the log has ${logSizeBytes} bytes`);
  assert.notEqual(keptAfterwards, 0);
});

test("needs no folder for temporary files, even for a change of many rows", async () => {
  await using disk = await faultyDisk();
  const { dataFolder, rig } = disk;
  await mkdir(dataFolder);
  // SQLite's names of its temporary files, in whichever folder.
  await rig.fail({ call: "create", pattern: "*etilqs_*", outcome: "EPERM" });
  const { stdout, stderr } = await endingOf(spawnChild([join(dataFolder, "moraine.db")], rig, "large-change-child"));
  assert.equal(stdout, "condemned 2000\n", stderr);
});

/** A folder for the data of a server whose disk fails as the test says. */
async function faultyDisk() {
  const folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const rig = await DiskRig.create(folder.path, dataFolder);
  return { dataFolder, rig, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function clientOf(url: string): GlacierHttp & Disposable {
  const glacier = new GlacierHttp(url);
  return Object.assign(glacier, { [Symbol.dispose]: () => glacier.close() });
}
