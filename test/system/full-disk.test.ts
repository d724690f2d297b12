import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { openDataFolder } from "../../packages/server/src/storage/data-folder.ts";
import { contentOf } from "../support/content.ts";
import { GlacierHttp, RefusedError } from "../support/glacier-http.ts";
import { freshMetrics } from "../support/metrics.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// A disk that fills up under the server: a small one of its own, which takes root to mount.

const mebibyte = 1024 ** 2;
const vault = "full";
const archive = contentOf(1, 2 * mebibyte);

/** Runs a server on a small disk, with one archive in it and a job that has retrieved it. */
async function onSmallDisk(use: (setting: Setting) => Promise<"ended" | undefined>, size = "64m"): Promise<void> {
  await using folder = await temporaryFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "moraine-full-disk", folder.path]);
  try {
    const dataFolder = join(folder.path, "data");
    await using server = await startServer({ dataFolder });
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault(vault);
    const archiveId = await glacier.uploadArchive(vault, archive, "first");
    const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    await glacier.jobSucceeded(vault, jobId);
    const outcome = await use({ disk: folder.path, dataFolder, server, glacier, archiveId, jobId });
    glacier.close();
    if (outcome !== "ended") {
      await server.stop();
    }
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

/** Takes room as another program would, until this many bytes are left. */
async function leave(disk: string, bytesLeft: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - bytesLeft)));
  // The server asks the file system for its room once a second, and lives on its reserve until then.
  await sleep(2500);
}

const makeRoom = (disk: string): Promise<void> => rm(join(disk, "filler"));

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

test("uploads that fill the disk end in a clear refusal, and reads, jobs and deletions continue", async () => {
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
    // The metadata's own writes meanwhile came out of the reserve, which is there for them.
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

test("a disk with 0 bytes free serves reads and deletions and refuses uploads, until space is freed", async () => {
  await onSmallDisk(async ({ glacier, disk, dataFolder, server, archiveId, jobId }) => {
    const second = await glacier.uploadArchive(vault, archive, "second");
    await ballastMade(dataFolder);
    await leave(disk, 0);
    await assert.rejects(glacier.uploadArchive(vault, archive, "refused"), storageFull);
    assert.ok((await glacier.jobOutput(vault, jobId)).equals(archive));
    await glacier.deleteArchive(vault, second);

    await makeRoom(disk);
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

test("a server starts on a disk with 0 bytes free, serves archives and deletes them, and takes archives once space is freed", async () => {
  await onSmallDisk(async ({ glacier, disk, dataFolder, server, archiveId }) => {
    const second = await glacier.uploadArchive(vault, archive, "second");
    await ballastMade(dataFolder);
    await server.stop();
    await leave(disk, 0);
    assert.equal((await statfs(disk)).bavail, 0);

    await using again = await startServer({ dataFolder });
    const restarted = new GlacierHttp(again.url);
    assert.ok((await restarted.retrieve(vault, archiveId)).equals(archive));
    await assert.rejects(restarted.uploadArchive(vault, archive, "refused"), storageFull);
    await restarted.deleteArchive(vault, second);
    assert.equal(await sizeOf(join(dataFolder, "ballast")), null);

    await makeRoom(disk);
    const third = await restarted.uploadArchive(vault, archive, "third");
    assert.ok((await restarted.retrieve(vault, third)).equals(archive));
    assert.deepEqual(await listedIds(restarted), new Set([archiveId, third]));
    await ballastMade(dataFolder);
    restarted.close();
    const { stderr } = await again.stop();
    assert.match(stderr, /the ballast was removed/);
    return "ended" as const;
  });
});

test("a full disk shows in health and metrics, with the time when deletions give room back, and in one line of the log", async () => {
  await onSmallDisk(async ({ glacier, disk, dataFolder, server, archiveId }) => {
    const before = Date.now();
    await glacier.deleteArchive(vault, archiveId);
    const after = Date.now();
    // The first round of the next start adds up what is deleted.
    await ballastMade(dataFolder);
    await server.stop();
    await using again = await startServer({ dataFolder });
    const restarted = new GlacierHttp(again.url);
    assert.deepEqual(await page(again.url, "/health/ready"), { status: 200, body: { status: "ready" } });
    assert.match(await freshMetrics(again.url), /^moraine_ready 1$/m);

    await leave(disk, mebibyte);
    for (let count = 0; count < 20; count += 1) {
      await assert.rejects(restarted.uploadArchive(vault, Buffer.alloc(6), "refused"), storageFull);
    }
    assert.deepEqual(await page(again.url, "/health/ready"), { status: 503, body: { status: "not ready" } });
    const health = await restarted.demand({ method: "GET", path: "/admin/health", service: "moraine" });
    const { Ready, Reason, Storage } = JSON.parse(health.body.toString());
    assert.deepEqual([Ready, Reason], [false, "read-only: disk full"]);
    assert.equal(Storage.ReadOnly, "read-only: disk full");
    assert.ok(Storage.FreeBytes <= mebibyte, String(Storage.FreeBytes));
    assert.equal(Storage.DeletedBytes, archive.length);
    for (const freed of [Storage.DeletedBytesFreeFrom, Storage.DeletedBytesFreeBy]) {
      const time = Date.parse(freed) - millisecondsPer.day;
      assert.ok(before <= time && time <= after, freed);
    }
    assert.equal((await page(again.url, "/health/readable")).status, 200);
    const text = await freshMetrics(again.url);
    assert.match(text, /^moraine_ready 0$/m);
    assert.match(text, /^moraine_read_only\{reason="disk_full"\} 1$/m);
    assert.match(text, /^moraine_read_only\{reason="failed_syncs"\} 0$/m);
    assert.match(text, /^moraine_storage_free_bytes \d{1,7}$/m);
    assert.match(text, new RegExp(`^moraine_deleted_bytes ${archive.length}$`, "m"));

    await makeRoom(disk);
    while ((await page(again.url, "/health/ready")).status !== 200) {
      await sleep(50);
    }
    assert.match(await freshMetrics(again.url), /^moraine_ready 1$/m);
    restarted.close();
    const { stderr } = await again.stop();
    const lines = stderr.split("\n").filter((line) => line.includes('"level":50'));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0] ?? "", /read-only: disk full; 2097152 bytes of deleted archives are freed between /);
    assert.ok(!stderr.includes("stack"), stderr);
    return "ended" as const;
  });
});

test("deletions on a full disk free their space at once under --deleted-grace 0, and uploads are taken again", async () => {
  await onSmallDisk(async ({ glacier, disk, dataFolder, server }) => {
    const ids: string[] = [];
    for (let count = 0; count < 12; count += 1) {
      ids.push(await glacier.uploadArchive(vault, archive, `number ${count}`));
    }
    await ballastMade(dataFolder);
    await server.stop();
    await leave(disk, 0);

    await using again = await startServer({ dataFolder, flags: ["--deleted-grace", "0"] });
    const restarted = new GlacierHttp(again.url);
    await assert.rejects(restarted.uploadArchive(vault, archive, "refused"), storageFull);
    for (const id of ids) {
      await restarted.deleteArchive(vault, id);
    }
    let after: string | null = null;
    while (after === null) {
      after = await restarted.uploadArchive(vault, archive, "after").catch((error: unknown) => {
        storageFull(error);
        return null;
      });
    }
    assert.ok((await restarted.retrieve(vault, after)).equals(archive));
    restarted.close();
    await again.stop();
    return "ended" as const;
  });
});

for (const [name, left] of [
  ["stopped", []],
  // Next to its lock.
  ["killed", ["lock.db-journal"]],
] as const) {
  test(`a folder that an earlier version was ${name} in, without ballast, is locked with 0 bytes free`, async () => {
    await using folder = await temporaryFolder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=0700", "moraine-full-disk", folder.path]);
    try {
      await mkdir(join(folder.path, "blobs"));
      for (const file of ["lock.db", "moraine.db", ...left]) {
        await writeFile(join(folder.path, file), "");
      }
      await leave(folder.path, 0);
      const locked = await openDataFolder(folder.path);
      await assert.rejects(openDataFolder(folder.path), /in use by another process/);
      assert.deepEqual(
        (await readdir(folder.path)).sort(),
        ["blobs", "filler", "lock.db", "moraine.db", ...left].sort(),
      );
      await locked.release();
    } finally {
      execFileSync("umount", [folder.path]);
    }
  });
}

async function page(url: string, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const sizeOf = async (path: string): Promise<number | null> =>
  stat(path).then(
    ({ size }) => size,
    () => null,
  );

async function ballastMade(dataFolder: string): Promise<void> {
  while ((await sizeOf(join(dataFolder, "ballast"))) !== 8 * mebibyte) {
    await sleep(50);
  }
}
