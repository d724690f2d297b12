import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { alignedVectors, content, unalignedVectors } from "../../../protocol/test/content-vectors.ts";
import {
  assertError,
  assertSameBytes,
  createVault,
  deleteArchive,
  finishedJob,
  getOutput,
  initiateJob,
  invalid,
  mebibyte,
  notFound,
  randomContent,
  treeHashOf,
  unknownId,
  uploadArchive,
  uploadInParts,
  vaultNotFound,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";

const archive = content("M", 6_815_744);
const wholeHash = "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f";

let server: TestServer;
let archiveId: string;
let wholeJob: string;
before(async () => {
  server = await startTestServer({ delays: { bulkSeconds: 3600 } });
  await createVault(server, "vault");
  archiveId = await uploadArchive(server, "vault", archive, "two  spaces");
  wholeJob = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
});
after(() => server.stop());

const jobOver = (range: string, id = archiveId) =>
  finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: id, RetrievalByteRange: range });
const output = (range?: string, jobId = wholeJob) => getOutput(server, "vault", jobId, range);
const treeHashOn = (answer: WireAnswer) => answer.headers["x-amz-sha256-tree-hash"];

/** A part of the output: status, range, length and bytes; the checksum is for the caller to judge. */
function assertPart(answer: WireAnswer, whole: Uint8Array, first: number, last: number): void {
  assert.equal(answer.status, 206, answer.text.slice(0, 200));
  assert.equal(answer.headers["content-range"], `bytes ${first}-${last}/${whole.length}`);
  assert.equal(answer.headers["content-length"], String(last - first + 1));
  assert.equal(answer.headers["accept-ranges"], "bytes");
  assertSameBytes(answer.body, whole.subarray(first, last + 1));
}

function assertWhole(answer: WireAnswer, whole: Uint8Array): void {
  assert.equal(answer.status, 200, answer.text.slice(0, 200));
  assert.equal(answer.headers["content-range"], undefined);
  assert.equal(answer.headers["content-length"], String(whole.length));
  assertSameBytes(answer.body, whole);
}

describe("the whole output", () => {
  test("has exactly the documented headers", async () => {
    const answer = await output();
    assertWhole(answer, archive);
    const expected = {
      "x-amzn-RequestId": /^[A-Za-z0-9_-]{48}$/,
      "x-amz-sha256-tree-hash": /^8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f$/,
      "Accept-Ranges": /^bytes$/,
      "Content-Type": /^application\/octet-stream$/,
      "x-amz-archive-description": /^two {2}spaces$/,
      "Content-Length": /^6815744$/,
      Date: / GMT$/,
    };
    const connection = ["Connection", "Keep-Alive"];
    const names = answer.rawHeaders.filter((_, index) => index % 2 === 0).filter((name) => !connection.includes(name));
    assert.deepEqual(new Set(names), new Set(Object.keys(expected)));
    for (const [name, value] of Object.entries(expected)) {
      assert.match(answer.rawHeaders[answer.rawHeaders.indexOf(name) + 1] ?? "", value, name);
    }
  });

  test("an archive without a description has no header for it", async () => {
    const body = Buffer.from("hello world");
    const ArchiveId = await uploadArchive(server, "vault", body);
    const answer = await output(
      undefined,
      await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId }),
    );
    assertWhole(answer, body);
    assert.equal("x-amz-archive-description" in answer.headers, false);
    assert.equal(treeHashOn(answer), treeHashOf(body));
  });

  test("can be had any number of times, at once, whole and in ranges", async () => {
    const step = 131_071;
    const starts = Array.from({ length: Math.ceil(archive.length / step) }, (_, index) => index * step);
    const whole = Array.from({ length: 6 }, () => output());
    const parts = await Promise.all(starts.map((start) => output(`bytes=${start}-${start + step - 1}`)));
    for (const [index, part] of parts.entries()) {
      assertPart(part, archive, index * step, Math.min((index + 1) * step, archive.length) - 1);
    }
    for (const answer of await Promise.all(whole)) {
      assertWhole(answer, archive);
    }
  });

  test("clients that go away in the middle leave everything to the others", async () => {
    const path = `${vaultPath("vault")}/jobs/${wholeJob}/output`;
    const leaving = Array.from({ length: 40 }, () => server.client.send({ method: "GET", path, leavesAfterBytes: 1 }));
    for (const answer of await Promise.all(leaving)) {
      assert.equal(answer.complete, false);
    }
    const answers = await Promise.all(Array.from({ length: 8 }, () => output()));
    for (const answer of answers) {
      assertWhole(answer, archive);
    }
  });
});

describe("the Range header", () => {
  const last = archive.length - 1;

  test("a range gives 206 with its bytes, and need not be aligned", async () => {
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [last, last],
      [1, last],
      [1_048_575, 1_048_576],
      [262_143, 2_500_000],
      [5, 5_000_005],
    ] as const) {
      assertPart(await output(`bytes=${a}-${b}`), archive, a, b);
    }
  });

  test("a range of everything is still a range, and has the checksum", async () => {
    const answer = await output(`bytes=0-${last}`);
    assertPart(answer, archive, 0, last);
    assert.equal(treeHashOn(answer), wholeHash);
  });

  test("an end beyond the output is lowered, and the checksum is that of the lowered range", async () => {
    for (const end of [archive.length, archive.length + 1, 8 * mebibyte - 1, Number.MAX_SAFE_INTEGER, 10 ** 30]) {
      const answer = await output(`bytes=4194304-${BigInt(end)}`);
      assertPart(answer, archive, 4_194_304, last);
      assert.equal(treeHashOn(answer), "3e997f13ddc355e8a55035672d60ba90275ece6485044b3616a0966e2b895fc1");
    }
  });

  test("open and suffix ranges are honoured, and their checksums go by the range that they mean", async () => {
    for (const [header, first, hash] of [
      ["bytes=0-", 0, wholeHash],
      ["bytes=4194304-", 4_194_304, "3e997f13ddc355e8a55035672d60ba90275ece6485044b3616a0966e2b895fc1"],
      ["bytes=5242880-", 5_242_880, undefined],
      ["bytes=-524288", 6_291_456, "c9fed994db0d8e2e5b7d603f40c18613d1f545288928a52ee9d2b2e2375f7160"],
      ["bytes=-1", last, undefined],
      ["bytes=-6815744", 0, wholeHash],
      ["bytes=-99999999", 0, wholeHash],
    ] as const) {
      const answer = await output(header);
      assertPart(answer, archive, first, last);
      assert.equal(treeHashOn(answer), hash, header);
    }
  });

  test("a malformed value, or more than one range, is ignored", async () => {
    for (const header of [
      "bytes 0-4194303/235812776",
      "Range: bytes=0-1048575",
      "0-100/493",
      "0-100",
      "bytes=",
      "bytes=-",
      "bytes=5-4",
      "bytes=a-b",
      "bytes=0-1,4-5",
      "bytes=0-1, -1",
      "bytes=0x0-0xf",
      "bytes=1.0-2",
      "items=0-1",
      "bytes: 0-1",
      "bytes=99999999999999999999-1",
    ]) {
      const answer = await output(header);
      assertWhole(answer, archive);
      assert.equal(treeHashOn(answer), wholeHash, header);
    }
  });

  test("an empty one counts as none", async () => {
    assertWhole(await output(""), archive);
  });

  test("a start at or beyond the end is refused, with the header", async () => {
    for (const header of ["bytes=6815744-6815744", "bytes=8388608-12582911", "bytes=6815744-", "bytes=-0"]) {
      const text = `The start of the range is larger than size of retrieved data: ${header}`;
      assertError(await output(header), invalid(text));
    }
  });

  test("conditions are no part of this API", async () => {
    const path = `${vaultPath("vault")}/jobs/${wholeJob}/output`;
    const headers = {
      "if-none-match": "*",
      "if-range": '"x"',
      "if-modified-since": new Date().toUTCString(),
      range: "bytes=0-9",
    };
    assertPart(await server.client.send({ method: "GET", path, headers }), archive, 0, 9);
  });
});

describe("the checksum header", () => {
  for (const [name, partSize] of [
    ["uploaded at once", 0],
    ["of parts of 1 MiB", mebibyte],
    ["of parts of 4 MiB", 4 * mebibyte],
  ] as const) {
    describe(`for an archive ${name}`, () => {
      let id: string;
      let job: string;
      before(async () => {
        id = partSize === 0 ? archiveId : await uploadInParts(server, "vault", archive, partSize);
        job = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: id });
      });
      const bytes = (first: number, end: number) =>
        [first * mebibyte, Math.min(end * mebibyte, archive.length) - 1] as const;

      test("each aligned range of 6.5 MiB has its known hash", async () => {
        for (const [first, end, , hash] of alignedVectors) {
          const [a, b] = bytes(first, end);
          const answer = await output(`bytes=${a}-${b}`, job);
          assertPart(answer, archive, a, b);
          assert.equal(treeHashOn(answer), hash);
        }
      });

      test("each range that is not aligned has none", async () => {
        for (const [first, end] of unalignedVectors) {
          const [a, b] = bytes(first, end);
          const answer = await output(`bytes=${a}-${b}`, job);
          assertPart(answer, archive, a, b);
          assert.equal(treeHashOn(answer), undefined, `${first}-${end}`);
        }
      });

      test("a job over an aligned range has it whole and on aligned parts of it, counted from the range's start", async () => {
        for (const [first, end, range, hash] of alignedVectors) {
          const ranged = await jobOver(range, id);
          const [from, to] = bytes(first, end);
          const part = archive.subarray(from, to + 1);
          const whole = await output(undefined, ranged);
          assertWhole(whole, part);
          assert.equal(treeHashOn(whole), hash);
          const inner = alignedVectors.filter(([innerFirst, innerEnd]) => innerFirst >= first && innerEnd <= end);
          for (const [innerFirst, innerEnd, , innerHash] of inner) {
            const [a, b] = bytes(innerFirst, innerEnd);
            const answer = await output(`bytes=${a - from}-${b - from}`, ranged);
            assertPart(answer, part, a - from, b - from);
            assert.equal(treeHashOn(answer), innerHash);
          }
          const crooked = await output(`bytes=1-${part.length - 1}`, ranged);
          assertPart(crooked, part, 1, part.length - 1);
          assert.equal(treeHashOn(crooked), undefined);
        }
      });
    });
  }

  test("a job over a range that is not aligned never has it", async () => {
    for (const [first, end] of unalignedVectors) {
      const [from, to] = [first * mebibyte, Math.min(end * mebibyte, archive.length) - 1];
      const part = archive.subarray(from, to + 1);
      const ranged = await jobOver(`${from}-${to}`);
      const whole = await output(undefined, ranged);
      assertWhole(whole, part);
      const oneMebibyte = await output("bytes=0-1048575", ranged);
      assertPart(oneMebibyte, part, 0, mebibyte - 1);
      assert.deepEqual([treeHashOn(whole), treeHashOn(oneMebibyte)], [undefined, undefined]);
    }
  });

  test("a range of a ranged job is clamped by the job, not by the archive", async () => {
    const ranged = await jobOver("2097152-4194303");
    const part = archive.subarray(2 * mebibyte, 4 * mebibyte);
    const answer = await output("bytes=1048576-6815743", ranged);
    assertPart(answer, part, mebibyte, 2 * mebibyte - 1);
    assert.equal(treeHashOn(answer), "fb424e06b1bcfa4abe6862ffbb279614d06fd76af7f0a9015d05943c19ff3bc7");
    const beyond = "bytes=2097152-2097153";
    const text = `The start of the range is larger than size of retrieved data: ${beyond}`;
    assertError(await output(beyond, ranged), invalid(text));
  });
});

describe("a job that has no output to give", () => {
  const notReady = (jobId: string) => invalid(`The job is not currently available for download: ${jobId}`);
  const unknown = (jobId: string) => notFound(`The job ID was not found: ${jobId}`);

  test("in progress: not available yet, and the range is not looked at", async () => {
    const job = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Bulk" };
    const jobId = await initiateJob(server, "vault", job);
    assertError(await output(undefined, jobId), notReady(jobId));
    assertError(await output("bytes=99999999-", jobId), notReady(jobId));
  });

  test("failed: not available", async () => {
    const ArchiveId = await uploadArchive(server, "vault", Buffer.from("x"));
    const jobId = await initiateJob(server, "vault", { Type: "archive-retrieval", ArchiveId, Tier: "Bulk" });
    await deleteArchive(server, "vault", ArchiveId);
    server.clock.advance(3_600_000);
    await waitForJob(server, "vault", jobId, "Failed");
    assertError(await output(undefined, jobId), notReady(jobId));
  });

  test("unknown, of another vault, of a missing vault: not found", async () => {
    await createVault(server, "other");
    assertError(await output(undefined, unknownId), unknown(unknownId));
    assertError(await getOutput(server, "other", wholeJob), unknown(wholeJob));
    assertError(await getOutput(server, "nowhere", wholeJob), vaultNotFound("nowhere"));
  });

  test("a day after its completion: not found; and a deleted archive's output lasts as long", async () => {
    const body = randomContent(300_000);
    const ArchiveId = await uploadArchive(server, "vault", body);
    const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId });
    const listed = await finishedJob(server, "vault", { Type: "inventory-retrieval" });
    await deleteArchive(server, "vault", ArchiveId);
    server.clock.advance(dayMilliseconds - 1);
    assertWhole(await output(undefined, jobId), body);
    assert.equal((await output(undefined, listed)).status, 200);
    server.clock.advance(2);
    assertError(await output(undefined, jobId), unknown(jobId));
    assertError(await output(undefined, listed), unknown(listed));
  });
});
