import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rename, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { filesOf, refusedAsDamaged } from "../support/damaged-files.ts";
import { flipBit } from "../support/flip-bit.ts";
import {
  assertError,
  assertSameBytes,
  completeRequest,
  createVault,
  describeJob,
  finishedJob,
  getOutput,
  initiateJob,
  initiateUpload,
  mebibyte,
  partRequest,
  randomContent,
  uploadArchive,
  uploadInParts,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { accountId as account, region, startTestServer, type TestServer } from "../support/server.ts";

// Files are changed behind the service's back. It must notice: a job fails, and no wrong byte ever goes out.

let folder: string;
let server: TestServer;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-damage-"));
  const blobs = new FilesystemBlobStore(folder);
  await blobs.prepare();
  const metadata = await openInlineStore(":memory:");
  server = await startTestServer({ blobs, metadata });
  await createVault(server, "vault");
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function swap(one: string, other: string): Promise<void> {
  await rename(one, `${one}.aside`);
  await rename(other, one);
  await rename(`${one}.aside`, other);
}

async function vaultId(): Promise<string> {
  const vault = await server.parts.metadata.findVault({ accountId: account, region, vaultName: "vault" });
  return vault?.id ?? "";
}

const retrieval = (ArchiveId: string, RetrievalByteRange?: string) => ({
  Type: "archive-retrieval",
  ArchiveId,
  RetrievalByteRange,
});

async function assertFails(archiveId: string, range?: string): Promise<void> {
  const jobId = await initiateJob(server, "vault", retrieval(archiveId, range));
  const job = await waitForJob(server, "vault", jobId, "Failed");
  assert.equal(job.StatusMessage, `The stored archive is damaged: ${archiveId}`);
  const answer = await getOutput(server, "vault", jobId);
  assertError(answer, {
    status: 400,
    code: "InvalidParameterValueException",
    message: `The job is not currently available for download: ${jobId}`,
  });
}

async function assertReads(archiveId: string, bytes: Buffer, range?: string): Promise<void> {
  const jobId = await finishedJob(server, "vault", retrieval(archiveId, range));
  assertSameBytes((await getOutput(server, "vault", jobId)).body, bytes);
}

describe("damage that is there when the job runs", () => {
  const bytes = randomContent(3 * mebibyte + 100);
  let archiveId: string;
  let file: string;
  beforeEach(async () => {
    archiveId = await uploadArchive(server, "vault", bytes);
    [file = ""] = await filesOf(server, folder, archiveId);
  });

  test("one bit anywhere in the file fails the job, and once it is flipped back the archive reads as before", async () => {
    const { length } = await readFile(file);
    const position = fc.oneof(fc.nat({ max: length - 1 }), fc.integer({ min: bytes.length, max: length - 1 }));
    const property = fc.asyncProperty(position, fc.nat({ max: 7 }), async (at, bit) => {
      await flipBit(file, at, bit);
      await assertFails(archiveId);
      await flipBit(file, at, bit);
    });
    await fc.assert(property, { numRuns: 60 });
    await assertReads(archiveId, bytes);
  });

  test("a damaged MiB fails only the jobs whose range has it", async () => {
    await flipBit(file, mebibyte + 5);
    await assertFails(archiveId);
    await assertFails(archiveId, "1048576-2097151");
    await assertReads(archiveId, bytes.subarray(0, mebibyte), "0-1048575");
    await assertReads(archiveId, bytes.subarray(2 * mebibyte), `2097152-${bytes.length - 1}`);
  });

  test("a file that is cut short, longer, empty or gone fails the job", async () => {
    const whole = await readFile(file);
    for (const length of [whole.length - 1, bytes.length + 1, bytes.length, bytes.length - 1, 0]) {
      await truncate(file, length);
      await assertFails(archiveId);
      await writeFile(file, whole);
    }
    await writeFile(file, Buffer.concat([whole, Buffer.of(0)]));
    await assertFails(archiveId);
    await unlink(file);
    await assertFails(archiveId);
    await assertFails(archiveId, "0-1048575");
  });

  test("two archives of one size whose files changed places both fail", async () => {
    const other = await uploadArchive(server, "vault", randomContent(bytes.length));
    const [otherFile = ""] = await filesOf(server, folder, other);
    await swap(file, otherFile);
    await assertFails(archiveId);
    await assertFails(other);
    await swap(file, otherFile);
    await assertReads(archiveId, bytes);
  });

  test("the same bytes under another archive's name fail too", async () => {
    const twin = await uploadArchive(server, "vault", bytes);
    const [twinFile = ""] = await filesOf(server, folder, twin);
    await writeFile(file, await readFile(twinFile));
    await assertFails(archiveId);
    await assertReads(twin, bytes);
  });

  test("a small archive is checked as well", async () => {
    const small = await uploadArchive(server, "vault", Buffer.from("hello world"));
    const [smallFile = ""] = await filesOf(server, folder, small);
    await flipBit(smallFile, 3);
    await assertFails(small);
  });
});

describe("damage to an archive of parts", () => {
  const bytes = randomContent(3 * mebibyte);

  test("parts that changed places fail the job", async () => {
    const archiveId = await uploadInParts(server, "vault", bytes, mebibyte);
    const [first = "", second = ""] = await filesOf(server, folder, archiveId);
    await swap(first, second);
    await assertFails(archiveId);
    await assertReads(archiveId, bytes.subarray(2 * mebibyte), "2097152-3145727");
    await swap(first, second);
    await assertReads(archiveId, bytes);
  });

  test("an earlier version of a part in the place of the one that counts fails the job", async () => {
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    const send = async (body: Uint8Array) => {
      assert.equal((await server.client.send(partRequest("vault", uploadId, 0, body))).status, 204);
      const upload = { vaultId: await vaultId(), uploadId, idleSince: 0 };
      const { archiveId = "" } = (await server.parts.metadata.findUpload(upload)) ?? {};
      const [file = ""] = await filesOf(server, folder, archiveId);
      return { archiveId, file };
    };
    const earlier = await send(randomContent(mebibyte));
    const stale = await readFile(earlier.file);
    const { archiveId, file } = await send(bytes.subarray(0, mebibyte));
    const answer = await server.client.send(completeRequest("vault", uploadId, bytes.subarray(0, mebibyte)));
    assert.equal(answer.status, 201, answer.text);
    await assertReads(archiveId, bytes.subarray(0, mebibyte));
    await writeFile(file, stale);
    await assertFails(archiveId);
  });
});

describe("damage that comes after the job succeeded", () => {
  const bytes = randomContent(4 * mebibyte + 9);
  let file: string;
  let jobId: string;
  beforeEach(async () => {
    const archiveId = await uploadArchive(server, "vault", bytes);
    [file = ""] = await filesOf(server, folder, archiveId);
    jobId = await finishedJob(server, "vault", retrieval(archiveId));
  });

  async function assertBreaks(range: string | undefined, first: number): Promise<void> {
    const answer = await getOutput(server, "vault", jobId, range);
    assert.equal(answer.complete, false, "a short body must not look whole");
    assert.ok(answer.body.length <= 2 * mebibyte - first);
    assertSameBytes(answer.body, bytes.subarray(first, first + answer.body.length));
  }

  const reportedOf = (path: string) =>
    server.damaged
      .filter(({ segmentKey }) => segmentKey !== null && path.endsWith(segmentKey))
      .map(({ range, reason }) => `${range.firstByte}-${range.lastByte}: ${reason}`);

  test("in the first MiB that was asked for: an error and not one byte", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    for (const range of ["bytes=2097152-3145727", "bytes=2097152-", "bytes=3145727-3145727", "bytes=2097153-2097153"]) {
      assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
    }
    assert.deepEqual(reportedOf(file), [`2097152-3145727: the MiB at byte ${2 * mebibyte} does not match its hash`]);
  });

  test("further on: the right bytes up to it, and then the connection breaks", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    await assertBreaks(undefined, 0);
  });

  test("further on in a range that starts within a MiB: the same", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    await assertBreaks("bytes=5-", 5);
  });

  test("in the last byte of a range: the same", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    await assertBreaks(`bytes=0-${2 * mebibyte}`, 0);
  });

  test("known from an earlier read: an error before the first byte, for every range that has it", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    await assertBreaks(undefined, 0);
    for (const range of [undefined, "bytes=5-", `bytes=0-${2 * mebibyte}`]) {
      assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
    }
    const answer = await getOutput(server, "vault", jobId, `bytes=0-${2 * mebibyte - 1}`);
    assertSameBytes(answer.body, bytes.subarray(0, 2 * mebibyte));
  });

  test("elsewhere: ranges that do without it are as good as ever", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    for (const [first, last] of [
      [0, 2 * mebibyte - 1],
      [3 * mebibyte, bytes.length - 1],
      [7, 7],
    ] as const) {
      const answer = await getOutput(server, "vault", jobId, `bytes=${first}-${last}`);
      assert.equal(answer.status, 206);
      assertSameBytes(answer.body, bytes.subarray(first, last + 1));
    }
  });

  test("in the footer: an error, also for a range with a checksum", async () => {
    await flipBit(file, bytes.length + 200);
    for (const range of [undefined, "bytes=0-1048575", "bytes=0-9", "bytes=-9"]) {
      assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
    }
    assert.deepEqual(reportedOf(file), [
      `0-${bytes.length - 1}: its footer is not complete, or not that of a segment of its size`,
    ]);
    assert.equal((await describeJob(server, "vault", jobId)).StatusCode, "Succeeded", "what has succeeded stays so");
  });

  test("in an inventory's document: the same", async () => {
    const inventory = await finishedJob(server, "vault", { Type: "inventory-retrieval" });
    const { metadata } = server.parts;
    const job = await metadata.findJob({ vaultId: await vaultId(), jobId: inventory, completedSince: 0 });
    assert.ok(job?.action === "InventoryRetrieval" && job.output !== null);
    const document = join(folder, "blobs", job.output.segmentKey);
    await chmod(document, 0o600);
    await flipBit(document, 40);
    assertError(await getOutput(server, "vault", inventory), refusedAsDamaged);
  });
});
