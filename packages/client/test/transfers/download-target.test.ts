import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, rm, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { type DownloadOptions, downloadJobOutput } from "../../src/transfers/download/download-job-output.ts";
import { retrieveArchive } from "../../src/transfers/retrieval/retrieve-archive.ts";
import { archiveOf, type OutputServer, outputServer } from "../support/output-server.ts";
import { clientOf } from "../support/scripted-client.ts";

const mebibyte = 1024 ** 2;
const content = Buffer.from(Array.from({ length: 2 * mebibyte + 5 }, (_, index) => (index ^ (index >> 9)) & 255));
const vaultName = "photos";
const isRoot = process.geteuid?.() === 0;

let server: OutputServer;
let folder: string;
before(async () => {
  server = await outputServer(archiveOf(content));
});
beforeEach(async (t) => {
  folder = await mkdtemp(join(tmpdir(), "moraine-target-"));
  server.requests.length = 0;
  (t as { after(work: () => Promise<void>): void }).after(() => rm(folder, { recursive: true, force: true }));
});
after(() => server[Symbol.asyncDispose]());

const retrieve = (target: string, options: Partial<DownloadOptions> = {}) =>
  retrieveArchive(clientOf(server), { vaultName, archiveId: "archive" }, { target, ...options });

/** Asserts that no job is started, nothing is written, and the error names the problem. */
async function assertRefused(target: string, expected: { name: string; message: RegExp }): Promise<void> {
  const before = (await readdir(folder, { recursive: true })).toSorted();
  for (const overwrite of [false, true]) {
    await assert.rejects(retrieve(target, { overwrite }), expected, `overwrite: ${overwrite}`);
  }
  assert.deepEqual(server.requests, []);
  assert.deepEqual((await readdir(folder, { recursive: true })).toSorted(), before);
}

test("a named pipe or a device is refused before a job is started, also with overwrite", async () => {
  const pipe = join(folder, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  await assertRefused(pipe, { name: "UnusableFileError", message: /pipe is a named pipe, not a regular file/ });
  await assertRefused("/dev/null", { name: "UnusableFileError", message: /null is a character device/ });
});

test("a folder, and a file in a folder that does not exist, are refused before a job is started", async () => {
  await assertRefused(folder, { name: "UnusableFileError", message: /is a folder/ });
  await assertRefused(join(folder, "missing", "file"), { name: "UnusableFileError", message: /no folder .*missing/ });
  await writeFile(join(folder, "file"), "");
  await assertRefused(join(folder, "file", "in"), { name: "UnusableFileError", message: /no folder .*file/ });
});

test("a symbolic link is refused as a target, a dangling one too, and its own target stays", async () => {
  await writeFile(join(folder, "mine"), "mine");
  await symlink("mine", join(folder, "link"));
  await symlink("nowhere", join(folder, "dangling"));
  await symlink("/dev/null", join(folder, "null"));
  for (const name of ["link", "dangling", "null"]) {
    await assertRefused(join(folder, name), { name: "UnusableFileError", message: /is a symbolic link to/ });
  }
  assert.equal(await readFile(join(folder, "mine"), "utf8"), "mine");
});

test("a folder that cannot be written is refused before a job is started", async () => {
  const locked = join(folder, "locked");
  await mkdir(locked, { mode: 0o500 });
  // Root may write to a folder of any mode, but to no folder of /proc.
  const target = join(isRoot ? "/proc/self" : locked, "file");
  await assert.rejects(retrieve(target), { name: "LocalFileError" });
  assert.deepEqual(server.requests, []);
});

for (const length of [206, 239, 255]) {
  test(`a name of ${length} bytes works, and its partial file continues`, async () => {
    const name = `${"ä".repeat(40)}${"n".repeat(length - 80)}`;
    const stop = new AbortController();
    const onEvent = ({ kind, ...event }: { kind: string; verifiedBytes?: number }) => {
      if (kind === "progress" && (event.verifiedBytes ?? 0) > 0) {
        stop.abort(new Error("enough"));
      }
    };
    const target = join(folder, name);
    const options = { rangeSizeBytes: mebibyte, concurrency: 1 };
    await assert.rejects(retrieve(target, { ...options, onEvent, signal: stop.signal }), /enough/);
    const left = await readdir(folder);
    assert.deepEqual(left.map((each) => /\.partial(\.\w+)?$/.exec(each)?.[0]).toSorted(), [
      ".partial",
      ".partial.job",
      ".partial.journal",
    ]);
    const { resumedBytes } = await retrieve(target, options);
    assert.ok(resumedBytes >= mebibyte);
    assert.deepEqual(await readdir(folder), [name]);
    assert.ok((await readFile(target)).equals(content));
  });
}

test("a name of 256 bytes is refused before a job is started", async () => {
  await assertRefused(join(folder, "n".repeat(256)), { name: "UnusableFileError", message: /256 bytes.*at most 255/ });
});

test("two names that are the same but for their ends have partial files of their own", async () => {
  const [one, other] = ["a", "b"].map((end) => join(folder, `${"n".repeat(254)}${end}`));
  await Promise.all([retrieve(one ?? ""), retrieve(other ?? "")]);
  assert.equal((await readdir(folder)).length, 2);
});

test("a file system without room for the output is refused before a byte is requested", async () => {
  const { bavail, bsize } = await statfs(folder);
  const sizeBytes = 2 * bavail * bsize;
  await using large = await outputServer({ sizeBytes, treeHash: "0".repeat(64), contentOf: () => Buffer.alloc(0) });
  const target = join(folder, "large");
  const expected = { name: "LocalFileError", message: new RegExp(`needs ${sizeBytes} bytes.* free`) };
  await assert.rejects(downloadJobOutput(clientOf(large), { vaultName, jobId: "job" }, { target }), expected);
  large.statusCode = "InProgress";
  const waiting = retrieveArchive(clientOf(large), { vaultName, archiveId: "archive" }, { target });
  await assert.rejects(waiting, expected, "it waits for a job whose output has no room");
  assert.deepEqual(large.ranges, []);
  assert.deepEqual(await readdir(folder), ["large.partial.job"], "the job that it has started is remembered");
});

for (const suffix of [".partial", ".partial.journal"]) {
  for (const leadsTo of ["mine", "nowhere"]) {
    test(`a symbolic link to ${leadsTo} that is planted as FILE${suffix} is not followed`, async () => {
      await writeFile(join(folder, "mine"), "mine");
      await symlink(leadsTo, join(folder, `file${suffix}`));
      if (suffix === ".partial") {
        await writeFile(join(folder, "file.partial.journal"), "");
      }
      await assert.rejects(retrieve(join(folder, "file")), {
        name: "UnusableFileError",
        message: new RegExp(`file${suffix} is a symbolic link`),
      });
      assert.equal(await readFile(join(folder, "mine"), "utf8"), "mine");
      assert.ok(!(await readdir(folder)).includes("nowhere"));
    });
  }
}

test("a hard link to another file that is planted as FILE.partial is not written to", async () => {
  await writeFile(join(folder, "mine"), "mine");
  await link(join(folder, "mine"), join(folder, "file.partial"));
  await writeFile(join(folder, "file.partial.journal"), "");
  await assert.rejects(retrieve(join(folder, "file")), { name: "UnusableFileError", message: /has other names/ });
  assert.equal(await readFile(join(folder, "mine"), "utf8"), "mine");
});

test("a named pipe that is planted as a journal is refused, and not waited for", async () => {
  await promisify(execFile)("mkfifo", [join(folder, "file.partial.journal")]);
  await assert.rejects(retrieve(join(folder, "file")), { name: "UnusableFileError", message: /is a named pipe/ });
});

test("a partial file of another user is not continued", {
  skip: !isRoot && "only root can give files away",
}, async () => {
  await writeFile(join(folder, "file.partial"), "");
  await writeFile(join(folder, "file.partial.journal"), "");
  await promisify(execFile)("chown", ["12345", join(folder, "file.partial")]);
  await assert.rejects(retrieve(join(folder, "file")), { name: "UnusableFileError", message: /belongs to user 12345/ });
});
