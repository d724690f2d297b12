import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "../support/content.ts";
import { GlacierHttp, RefusedError } from "../support/glacier-http.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// A disk that fills up under the server: a small one of its own, which takes root to mount.

const mebibyte = 1024 ** 2;
const vault = "full";
const archive = contentOf(1, 2 * mebibyte);

/** Runs a server on a small disk, with one archive in it and a job that has retrieved it. */
async function onSmallDisk(use: (setting: Setting) => Promise<void>, size = "64m"): Promise<void> {
  await using folder = await temporaryFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "moraine-full-disk", folder.path]);
  try {
    const dataFolder = join(folder.path, "data");
    await using server = await startServer({ dataFolder, environment: { MORAINE_LOG_LEVEL: "silent" } });
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault(vault);
    const archiveId = await glacier.uploadArchive(vault, archive, "first");
    const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    await glacier.jobSucceeded(vault, jobId);
    await use({ disk: folder.path, dataFolder, server, glacier, archiveId, jobId });
    glacier.close();
    await server.stop();
  } finally {
    execFileSync("umount", [folder.path]);
  }
}

interface Setting {
  readonly disk: string;
  readonly dataFolder: string;
  readonly server: ServerProcess;
  readonly glacier: GlacierHttp;
  readonly archiveId: string;
  readonly jobId: string;
}

/** Takes room as another program would, until so many bytes are left. */
async function leave(disk: string, bytesLeft: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, "ballast"), Buffer.alloc(Math.max(0, bavail * bsize - bytesLeft)));
  // The server asks the file system for its room once a second, and lives on its reserve until then.
  await sleep(1100);
}

const makeRoom = (disk: string): Promise<void> => rm(join(disk, "ballast"));

const storageFull = (error: unknown): boolean => {
  assert.ok(error instanceof RefusedError, String(error));
  assert.equal(error.status, 500);
  assert.equal(error.code, "ServiceUnavailableException");
  assert.match(error.message, /storage is full/);
  return true;
};

async function listedIds(glacier: GlacierHttp): Promise<Set<string>> {
  const listed = await glacier.inventory(vault);
  return new Set(listed.map(({ ArchiveId }) => ArchiveId));
}

test("uploads that fill the disk end in a clear refusal, and reads, jobs and deletions go on", async () => {
  await onSmallDisk(async ({ glacier, dataFolder, archiveId, jobId }) => {
    const stored = [archiveId];
    const fillUp = async () => {
      for (let count = 0; count < 100; count += 1) {
        stored.push(await glacier.uploadArchive(vault, archive, `number ${count}`));
      }
    };
    await assert.rejects(fillUp(), storageFull);
    assert.ok(stored.length > 10, "most of the disk is for archives");
    assert.deepEqual(await readdir(join(dataFolder, "tmp")), []);
    // A burst must not get past the limit where one alone cannot.
    const burst = await Promise.allSettled(
      Array.from({ length: 8 }, () => glacier.uploadArchive(vault, archive, "one of many")),
    );
    for (const outcome of burst) {
      assert.ok(outcome.status === "rejected" && storageFull(outcome.reason));
    }

    assert.ok((await glacier.jobOutput(vault, jobId)).equals(archive));
    assert.ok((await glacier.retrieve(vault, stored.at(-1) ?? "")).equals(archive));
    await glacier.deleteArchive(vault, archiveId);
    await assert.rejects(glacier.retrieve(vault, archiveId), /ResourceNotFoundException/);
  });
});

test("a burst of uploads onto a disk of 80 MB leaves its reserve free at every moment", async () => {
  await onSmallDisk(async ({ glacier, disk }) => {
    let free = Number.POSITIVE_INFINITY;
    let ended = false;
    const watch = async () => {
      while (!ended) {
        const { bavail, bsize } = await statfs(disk);
        free = Math.min(free, bavail * bsize);
        await sleep(1);
      }
    };
    const watching = watch();
    const large = contentOf(3, 7 * mebibyte);
    const fill = async (bytes: Buffer) => {
      for (let count = 0; count < 100; count += 1) {
        await glacier.uploadArchive(vault, bytes, `number ${count}`);
      }
    };
    const bursts = [large, large, archive, large, archive, archive, large, archive];
    const outcomes = await Promise.allSettled(bursts.map((bytes) => fill(bytes)));
    ended = true;
    await watching;
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected" && storageFull(outcome.reason));
    }
    // What the metadata has written meanwhile came out of the reserve: that is what it is for.
    assert.ok(free > 6 * mebibyte, `at one moment only ${free} bytes were free`);
  }, "80m");
});

test("uploads of every size are refused while another program has filled the disk, and taken when room returns", async () => {
  await onSmallDisk(async ({ glacier, disk, archiveId, jobId }) => {
    await leave(disk, mebibyte);
    for (const sizeBytes of [1, 100_000, 5 * mebibyte]) {
      await assert.rejects(glacier.uploadArchive(vault, contentOf(2, sizeBytes), "refused"), storageFull);
    }
    const parts = { method: "POST", path: `/-/vaults/${vault}/multipart-uploads` };
    const initiated = await glacier.demand({ ...parts, headers: { "x-amz-part-size": String(mebibyte) } });
    assert.equal(initiated.status, 201);
    assert.ok((await glacier.jobOutput(vault, jobId)).equals(archive));

    await makeRoom(disk);
    const after = await glacier.uploadArchive(vault, archive, "after");
    assert.ok((await glacier.retrieve(vault, after)).equals(archive));
    assert.deepEqual(await listedIds(glacier), new Set([archiveId, after]));
  });
});

test("not a byte of room left: reads go on, changes are refused or done, and all is well when room returns", async () => {
  await onSmallDisk(async ({ glacier, disk, dataFolder, server, archiveId, jobId }) => {
    const second = await glacier.uploadArchive(vault, archive, "second");
    await leave(disk, 0);
    await assert.rejects(glacier.uploadArchive(vault, archive, "refused"), storageFull);
    assert.ok((await glacier.jobOutput(vault, jobId)).equals(archive));
    const deletion = await Promise.allSettled([glacier.deleteArchive(vault, second)]);
    const [outcome] = deletion;
    assert.ok(outcome.status === "fulfilled" || storageFull(outcome.reason));

    await makeRoom(disk);
    await glacier.deleteArchive(vault, second);
    const after = await glacier.uploadArchive(vault, archive, "after");
    const expected = new Set([archiveId, after]);
    assert.deepEqual(await listedIds(glacier), expected);
    await server.stop();

    await using again = await startServer({ dataFolder });
    const restarted = new GlacierHttp(again.url);
    assert.deepEqual(await listedIds(restarted), expected);
    assert.ok((await restarted.retrieve(vault, after)).equals(archive));
    restarted.close();
    await again.stop();
  });
});
