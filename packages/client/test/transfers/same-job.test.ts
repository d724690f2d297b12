import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import {
  type DownloadOptions,
  downloadJobOutput,
  type RetrievalOptions,
  retrieveArchive,
  retrieveInventory,
  streamArchive,
} from "@moraine/client/node";
import { type JobService, jobService } from "../support/job-service.ts";
import { clientOf } from "../support/scripted-client.ts";

// A transfer that is run again takes its earlier job, or none if it needs none.

const mebibyte = 1024 ** 2;
const content = Buffer.from(Array.from({ length: 2 * mebibyte + 5 }, (_, index) => (index ^ (index >> 9)) & 255));
const archive = { vaultName: "photos", archiveId: "archive" };
const inventory = { vaultName: "photos" };
const notYet = { waitMillisecondsMax: 0 };

let service: JobService;
let folder: string;
let target: string;
before(async () => {
  service = await jobService(content);
});
after(() => service[Symbol.asyncDispose]());
beforeEach(async (t) => {
  folder = await mkdtemp(join(tmpdir(), "moraine-job-"));
  target = join(folder, "file");
  service.reset();
  (t as { after(work: () => Promise<void>): void }).after(() => rm(folder, { recursive: true }));
});

const retrieve = (options: RetrievalOptions & Partial<DownloadOptions> = {}) =>
  retrieveArchive(clientOf(service), archive, { target, rangeSizeBytes: mebibyte, concurrency: 1, ...options });
const isNotReady = { name: "JobNotReadyError" };
const files = () => readdir(folder);

/** Ends a download after its first range. */
async function interrupted(download: (options: Partial<DownloadOptions>) => Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const onEvent = ({ kind, ...event }: { kind: string; verifiedBytes?: number }) => {
    if (kind === "progress" && (event.verifiedBytes ?? 0) > 0) {
      stop.abort(new Error("enough"));
    }
  };
  await assert.rejects(download({ onEvent, signal: stop.signal }), /enough/);
}

test("a job that was started is taken by the next run, also where a new one is wanted, and without a list of jobs", async () => {
  service.isReady = false;
  await assert.rejects(retrieve({ reuse: false, ...notYet }), isNotReady);
  await assert.rejects(retrieve({ reuse: false, ...notYet }), isNotReady);
  await assert.rejects(retrieve(notYet), isNotReady);
  service.isReady = true;
  await retrieve({ reuse: false });
  assert.deepEqual(service.count("POST", "/jobs"), 1);
  assert.deepEqual(service.count("GET", "/jobs"), 0);
  assert.deepEqual(await files(), ["file"]);
  assert.ok((await readFile(target)).equals(content));
});

test("a job that was started by a run which did not learn its id is found by the next one", async () => {
  service.addJob(archive.archiveId);
  const stop = new AbortController();
  service.onLostStart = () => stop.abort(new Error("enough"));
  await assert.rejects(retrieve({ reuse: false, signal: stop.signal }), /enough/);
  service.onLostStart = null;
  assert.equal(service.jobs.size, 2);
  await retrieve({ reuse: false });
  assert.equal(service.jobs.size, 2);
});

test("a new job is started after the transfer that had one is complete", async () => {
  await retrieve({ reuse: false });
  await rm(target);
  await retrieve({ reuse: false });
  assert.equal(service.count("POST", "/jobs"), 2);
});

test("a job that was only reused does not count as a new one", async () => {
  service.isReady = false;
  service.addJob(archive.archiveId);
  await assert.rejects(retrieve(notYet), isNotReady);
  assert.equal(service.count("POST", "/jobs"), 0);
  await assert.rejects(retrieve({ reuse: false, ...notYet }), isNotReady);
  assert.equal(service.count("POST", "/jobs"), 1);
});

test("a stream with a job file takes the same job, until it has been read to its end", async () => {
  const jobFile = join(folder, "job");
  const read = async (options: RetrievalOptions = {}) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of streamArchive(clientOf(service), archive, { reuse: false, jobFile, ...options })) {
      pieces.push(piece.slice());
    }
    return Buffer.concat(pieces);
  };
  service.isReady = false;
  await assert.rejects(read(notYet), isNotReady);
  service.isReady = true;
  assert.ok((await read()).equals(content));
  assert.equal(service.count("POST", "/jobs"), 1);
  assert.deepEqual(await files(), []);
});

test("a job that no longer exists is replaced by another one, and what was verified stays", async () => {
  await interrupted((options) => retrieve(options));
  service.jobs.clear();
  const { resumedBytes } = await retrieve();
  assert.ok(resumedBytes >= mebibyte);
  assert.equal(service.count("POST", "/jobs"), 2);
  assert.deepEqual(await files(), ["file"]);
});

/** Leaves the files of a process that is killed once all is verified. */
async function killedAtTheEnd(): Promise<void> {
  const onEvent = ({ kind, ...event }: { kind: string; verifiedBytes?: number }) => {
    if (kind === "progress" && event.verifiedBytes === content.length) {
      copyFileSync(`${target}.partial`, join(folder, "kept"));
      copyFileSync(`${target}.partial.journal`, `${folder}/kept.journal`);
    }
  };
  await retrieve({ onEvent });
  await rename(join(folder, "kept.journal"), `${target}.partial.journal`);
}

test("a partial file that is complete needs no job to get its name", async () => {
  await killedAtTheEnd();
  await rm(target);
  await rename(join(folder, "kept"), `${target}.partial`);
  service.reset();
  const { resumedBytes, verifiedBy, alreadyComplete } = await retrieve();
  assert.deepEqual([resumedBytes, verifiedBy, alreadyComplete], [content.length, "whole", false]);
  assert.deepEqual(service.requests, []);
  assert.ok((await readFile(target)).equals(content));
});

test("a target that has its name and a complete journal needs no job", async () => {
  await killedAtTheEnd();
  await rm(join(folder, "kept"));
  service.reset();
  const { verifiedBy, alreadyComplete } = await retrieve();
  assert.deepEqual([verifiedBy, alreadyComplete], ["whole", true]);
  assert.deepEqual(service.requests, []);
  assert.deepEqual(await files(), ["file"]);
});

test("a target that differs from its complete journal is kept, and is downloaded again with overwrite", async () => {
  await killedAtTheEnd();
  await rm(join(folder, "kept"));
  const other = Buffer.alloc(content.length);
  await writeFile(target, other);
  await assert.rejects(retrieve(), { name: "TargetExistsError" });
  assert.ok((await readFile(target)).equals(other));
  assert.equal((await retrieve({ overwrite: true })).alreadyComplete, false);
  assert.ok((await readFile(target)).equals(content));
  assert.deepEqual(await files(), ["file"]);
});

test("the journal of another archive is refused before a job is started", async () => {
  await interrupted((options) => retrieve(options));
  service.reset();
  const other = retrieveArchive(clientOf(service), { ...archive, archiveId: "other" }, { target });
  await assert.rejects(other, { name: "JournalMismatchError", message: /is of another download: archive archive of/ });
  assert.deepEqual(service.requests, []);
});

test("a target that is the archive already is complete: by a given tree hash without a request", async () => {
  await writeFile(target, content);
  const result = await retrieve({ treeHash: service.treeHash });
  assert.deepEqual(
    [result.alreadyComplete, result.verifiedBy, result.treeHash, result.sizeBytes],
    [true, "whole", service.treeHash, content.length],
  );
  assert.deepEqual(service.requests, []);
});

test("a target that is the archive already is complete: by any job that shows the tree hash, and none is started", async () => {
  await writeFile(target, content);
  service.addJob(archive.archiveId);
  for (const options of [{}, { overwrite: true }, { reuse: false }]) {
    assert.equal((await retrieve(options)).alreadyComplete, true);
  }
  assert.equal(service.count("POST", "/jobs"), 0);
  assert.equal(service.count("GET", "/output"), 0);
});

test("a target with other content is kept, and is overwritten only when asked", async () => {
  const other = Buffer.from(content);
  other[7] = (other[7] ?? 0) ^ 1;
  await writeFile(target, other);
  const differs = { name: "TargetExistsError", message: /its content is not the archive's; it is overwritten only/ };
  await assert.rejects(retrieve({ treeHash: service.treeHash }), differs);
  await assert.rejects(retrieve(), { name: "TargetExistsError", message: /no job shows the archive's tree hash/ });
  service.addJob(archive.archiveId);
  await assert.rejects(retrieve(), differs);
  assert.equal(service.count("POST", "/jobs"), 0);
  assert.equal((await retrieve({ overwrite: true })).alreadyComplete, false);
  assert.ok((await readFile(target)).equals(content));
});

test("skipExisting compares sizes where a job names one, and reads nothing", async () => {
  await writeFile(target, Buffer.alloc(content.length));
  const skipped = await retrieve({ skipExisting: true });
  assert.deepEqual([skipped.alreadyComplete, skipped.verifiedBy, skipped.treeHash], [true, "nothing", null]);
  service.addJob(archive.archiveId);
  assert.equal((await retrieve({ skipExisting: true })).verifiedBy, "size");
  await writeFile(target, "short");
  await assert.rejects(retrieve({ skipExisting: true }), { name: "TargetExistsError" });
  assert.equal(service.count("POST", "/jobs"), 0);
});

test("the output of a job is not downloaded to a target that is that output already", async () => {
  const job = { vaultName: "photos", jobId: service.addJob(archive.archiveId) };
  const download = () => downloadJobOutput(clientOf(service), job, { target });
  await writeFile(target, content);
  assert.equal((await download()).alreadyComplete, true);
  await writeFile(target, content.subarray(1));
  await assert.rejects(download(), { name: "TargetExistsError" });
  assert.equal(service.count("GET", "/output"), 0);
});

const list = (options: Partial<DownloadOptions> & { reuse?: boolean } = {}) =>
  retrieveInventory(clientOf(service), inventory, { target, rangeSizeBytes: mebibyte, concurrency: 1, ...options });

test("an inventory that was interrupted continues with its own job, also when a newer one exists", async () => {
  await interrupted(list);
  service.addJob(null);
  const { resumedBytes, alreadyComplete } = await list();
  assert.deepEqual([resumedBytes >= mebibyte, alreadyComplete], [true, false]);
  assert.equal(service.count("POST", "/jobs"), 1);
  assert.deepEqual(await files(), ["file"]);
});

test("an inventory whose job is known by the journal alone continues as well", async () => {
  await interrupted(list);
  await rm(`${target}.partial.job`);
  service.addJob(null);
  assert.ok((await list()).resumedBytes >= mebibyte);
});

test("an inventory whose job no longer exists starts again with another one, and warns", async () => {
  for (const overwrite of [false, true]) {
    await interrupted(list);
    service.jobs.clear();
    service.addJob(null);
    const warnings: string[] = [];
    const onEvent = (event: { kind: string; code?: string }) => {
      if (event.kind === "warning") {
        warnings.push(event.code ?? "");
      }
    };
    const { resumedBytes } = await list({ onEvent, overwrite });
    assert.deepEqual([resumedBytes, warnings], [0, ["inventory-gone"]]);
    await rm(target);
  }
});

for (const [profile, header, starts] of [
  ["current", "current", 2],
  ["as of the last day", null, 0],
] as const) {
  test(`a vault whose inventories are ${profile} gets ${starts} jobs for 2 lists, in addition to an existing one`, async () => {
    service.addJob(null);
    service.inventories = header;
    await list();
    await rm(target);
    await list();
    assert.equal(service.count("POST", "/jobs"), starts);
    await rm(target);
    await list({ reuse: true });
    assert.equal(service.count("POST", "/jobs"), starts);
  });
}
