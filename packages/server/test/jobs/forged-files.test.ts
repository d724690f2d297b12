import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { filesOf, refusedAsDamaged } from "../support/damaged-files.ts";
import {
  assertError,
  assertSameBytes,
  createVault,
  finishedJob,
  getOutput,
  initiateJob,
  mebibyte,
  randomContent,
  uploadArchive,
  uploadInParts,
  waitForJob,
} from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// Files are changed so that they are consistent in themselves. Only the row knows better, and it must be asked.

const digestBytes = 32;
const tailBytes = 12;

let folder: string;
let server: TestServer;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-forged-"));
  const blobs = new FilesystemBlobStore(folder);
  await blobs.prepare();
  server = await startTestServer({ blobs });
  await createVault(server, "vault");
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const retrieval = (ArchiveId: string) => ({ Type: "archive-retrieval", ArchiveId });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** Changes a footer, and gives it the lengths and the hash that fit. */
async function editFooter(file: string, sizeBytes: number, edit: (body: Buffer) => Buffer): Promise<void> {
  const whole = await readFile(file);
  const body = edit(Buffer.from(whole.subarray(sizeBytes, whole.length - digestBytes - tailBytes)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + digestBytes + tailBytes);
  const magic = Buffer.from("MORSEG01");
  await writeFile(file, Buffer.concat([whole.subarray(0, sizeBytes), body, sha256(body), length, magic]));
}

/** Changes a byte of a MiB, its leaf hash and the footer's own hash together. */
async function forge(file: string, sizeBytes: number, leaf: number): Promise<void> {
  const whole = await readFile(file);
  whole.writeUInt8(whole.readUInt8(leaf * mebibyte + 7) ^ 1, leaf * mebibyte + 7);
  await writeFile(file, whole);
  const leaves = Math.ceil(sizeBytes / mebibyte);
  const changed = sha256(whole.subarray(leaf * mebibyte, Math.min((leaf + 1) * mebibyte, sizeBytes)));
  await editFooter(file, sizeBytes, (body) => {
    body.set(changed, body.length - (leaves - leaf) * digestBytes);
    return body;
  });
}

describe("bytes that were changed together with their leaf hash and the footer's hash", () => {
  const bytes = randomContent(5 * mebibyte + 9);
  const ranges = [undefined, "bytes=2097152-3145727", "bytes=0-4194303", "bytes=0-0", "bytes=2097159-2097159"];

  test("fail the job, and are refused after it", async () => {
    const archiveId = await uploadArchive(server, "vault", bytes);
    const jobId = await finishedJob(server, "vault", retrieval(archiveId));
    const [file = ""] = await filesOf(server, folder, archiveId);
    await forge(file, bytes.length, 2);
    for (const range of ranges) {
      assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
    }
    await waitForJob(server, "vault", await initiateJob(server, "vault", retrieval(archiveId)), "Failed");
  });

  test("in one part are refused, and the other parts are right", async () => {
    const archiveId = await uploadInParts(server, "vault", bytes, 2 * mebibyte);
    const jobId = await finishedJob(server, "vault", retrieval(archiveId));
    const [, file = ""] = await filesOf(server, folder, archiveId);
    await forge(file, 2 * mebibyte, 1);
    for (const range of ["bytes=2097152-2097152", "bytes=3145728-4194303", "bytes=2097152-4194303"]) {
      assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
    }
    const answer = await getOutput(server, "vault", jobId, "bytes=0-2097151");
    assertSameBytes(answer.body, bytes.subarray(0, 2 * mebibyte));
    await waitForJob(server, "vault", await initiateJob(server, "vault", retrieval(archiveId)), "Failed");
  });
});

test("a footer with a leaf too many or too few, or a descriptor that is no JSON, is refused", async () => {
  const bytes = randomContent(2 * mebibyte + 1);
  for (const edit of [
    (body: Buffer) => Buffer.concat([body, Buffer.alloc(digestBytes)]),
    (body: Buffer) => body.subarray(0, body.length - digestBytes),
    (body: Buffer) => {
      body.set(Buffer.from("{{"), 12);
      return body;
    },
  ]) {
    const archiveId = await uploadArchive(server, "vault", bytes);
    const jobId = await finishedJob(server, "vault", retrieval(archiveId));
    const [file = ""] = await filesOf(server, folder, archiveId);
    await editFooter(file, bytes.length, edit);
    assertError(await getOutput(server, "vault", jobId), refusedAsDamaged);
    assertError(await getOutput(server, "vault", jobId, "bytes=0-1048575"), refusedAsDamaged);
  }
});

test("a file that has grown is refused, and takes no memory", async () => {
  const archiveId = await uploadArchive(server, "vault", randomContent(1000));
  const jobId = await finishedJob(server, "vault", retrieval(archiveId));
  const [file = ""] = await filesOf(server, folder, archiveId);
  const peakBefore = process.resourceUsage().maxRSS;
  await truncate(file, 600 * mebibyte);
  assertError(await getOutput(server, "vault", jobId), refusedAsDamaged);
  await waitForJob(server, "vault", await initiateJob(server, "vault", retrieval(archiveId)), "Failed");
  const grownKibibytes = process.resourceUsage().maxRSS - peakBefore;
  assert.ok(grownKibibytes < 300 * 1024, `${grownKibibytes} KiB more than before`);
});
