import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DescribeVaultOutput } from "@moraine/protocol";
import { content, multipartVector } from "../../../protocol/test/content-vectors.ts";
import {
  assertCreated,
  assertError,
  assertSameBytes,
  completeRequest,
  contentHeaders,
  createVault,
  finishedJob,
  getOutput,
  initiateUpload,
  invalid,
  mebibyte,
  missing,
  notFound,
  partRequest,
  randomContent,
  treeHashOf,
  unknownId,
  uploadInParts,
  vaultNotFound,
  vaultPath,
} from "../support/glacier.ts";
import { accountId, dayMilliseconds, hourMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

const uploadPath = (uploadId: string) => `${vaultPath("vault")}/multipart-uploads/${uploadId}`;
const send = (method: string, path: string, headers = {}) => server.client.send({ method, path, headers });
const initiate = (headers: Record<string, string>) => send("POST", `${vaultPath("vault")}/multipart-uploads`, headers);
const abort = (uploadId: string) => send("DELETE", uploadPath(uploadId));
const unknown = (uploadId: string) => notFound(`The upload ID was not found: ${uploadId}`);
const putPart = async (uploadId: string, firstByte: number, body: Uint8Array) => {
  const answer = await server.client.send(partRequest("vault", uploadId, firstByte, body));
  assert.equal(answer.status, 204, answer.text);
  return answer;
};
const complete = (uploadId: string, archive: Uint8Array, headers: Record<string, string | undefined> = {}) => {
  const request = completeRequest("vault", uploadId, archive);
  return server.client.send({ ...request, headers: { ...request.headers, ...headers } });
};
const describeVault = async () => (await send("GET", vaultPath("vault"))).json<DescribeVaultOutput>();

describe("InitiateMultipartUpload", () => {
  test("answers 201 with the upload's path and id, and an empty object, for each valid part size", async () => {
    for (let exponent = 0; exponent <= 12; exponent += 1) {
      const answer = await initiate({ "x-amz-part-size": String(mebibyte * 2 ** exponent) });
      assertCreated(answer);
      const id = String(answer.headers["x-amz-multipart-upload-id"]);
      assert.match(id, /^[A-Za-z0-9_-]{92}$/);
      assert.equal(answer.headers.location, `/${accountId}/vaults/vault/multipart-uploads/${id}`);
      assert.equal((await abort(id)).status, 204);
    }
  });

  test("any other part size is refused in the service's own words", async () => {
    const text = (value: string) =>
      `Invalid part size: ${value}. Part size must not be null, must be a power of two and be between 1048576 and ` +
      "4294967296 bytes.";
    for (const size of ["0", "1", "524288", "1048575", "1048577", "3145728", "8589934592", "-1048576", "1e6", "many"]) {
      assertError(await initiate({ "x-amz-part-size": size }), invalid(text(size)));
    }
    assertError(await initiate({}), invalid(text("null")));
  });

  test("a wrong description is refused", async () => {
    const headers = { "x-amz-part-size": "1048576", "x-amz-archive-description": "x".repeat(1025) };
    assertError(await initiate(headers), invalid(/^Invalid archive description: /));
  });

  test("a missing vault is not found", async () => {
    assertError(await send("POST", `${vaultPath("nowhere")}/multipart-uploads`), vaultNotFound("nowhere"));
  });
});

describe("a whole upload", () => {
  test("parts in any order compose the known tree hash of 16.2 MiB", async () => {
    const archive = content("M", 16_986_931);
    const partSize = 4 * mebibyte;
    const uploadId = await initiateUpload(server, "vault", partSize, "sixteen and a bit");
    for (const index of [4, 0, 3, 1, 2]) {
      const body = archive.subarray(index * partSize, (index + 1) * partSize);
      const request = partRequest("vault", uploadId, index * partSize, body);
      assert.equal(request.headers["content-range"], multipartVector.ranges[index]);
      const answer = await server.client.send(request);
      assert.equal(answer.status, 204, answer.text);
      assert.equal(answer.headers["x-amz-sha256-tree-hash"], multipartVector.partHashes[index]);
      assert.equal(answer.text, "");
    }
    const answer = await complete(uploadId, archive, { "x-amz-sha256-tree-hash": multipartVector.archiveHash });
    assertCreated(answer);
    const archiveId = String(answer.headers["x-amz-archive-id"]);
    assert.match(archiveId, /^[A-Za-z0-9_-]{138}$/);
    assert.equal(answer.headers.location, `/${accountId}/vaults/vault/archives/${archiveId}`);
    assert.equal(answer.headers["x-amz-sha256-tree-hash"], multipartVector.archiveHash);
    const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
    const output = await getOutput(server, "vault", jobId);
    assert.equal(output.headers["x-amz-archive-description"], "sixteen and a bit");
    assert.equal(output.headers["x-amz-sha256-tree-hash"], multipartVector.archiveHash);
    assertSameBytes(output.body, archive);
  });

  test("an archive may be one short part", async () => {
    const archive = Buffer.from("a short one");
    const archiveId = await uploadInParts(server, "vault", archive, 4 * mebibyte);
    const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
    assertSameBytes((await getOutput(server, "vault", jobId)).body, archive);
  });

  test("a part that is sent again takes the place of the one before, also with another length", async () => {
    const archive = randomContent(2 * mebibyte + 17);
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    await putPart(uploadId, 2 * mebibyte, randomContent(mebibyte));
    await putPart(uploadId, 0, randomContent(1000));
    for (const firstByte of [0, mebibyte, 2 * mebibyte, 2 * mebibyte]) {
      await putPart(uploadId, firstByte, archive.subarray(firstByte, firstByte + mebibyte));
    }
    const answer = await complete(uploadId, archive);
    assert.equal(answer.status, 201, answer.text);
    const job = { Type: "archive-retrieval", ArchiveId: answer.headers["x-amz-archive-id"] };
    assertSameBytes((await getOutput(server, "vault", await finishedJob(server, "vault", job))).body, archive);
  });

  test("parts in parallel, each of them twice, still make one archive", async () => {
    const archive = randomContent(8 * mebibyte);
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    const starts = Array.from({ length: 16 }, (_, index) => (index % 8) * mebibyte);
    await Promise.all(starts.map((start) => putPart(uploadId, start, archive.subarray(start, start + mebibyte))));
    const answer = await complete(uploadId, archive);
    assert.equal(answer.status, 201, answer.text);
  });

  test("it counts for nothing until it is completed, and then once", async () => {
    const before = await describeVault();
    const archive = randomContent(mebibyte);
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    await putPart(uploadId, 0, archive);
    assert.deepEqual(await describeVault(), before);
    await complete(uploadId, archive);
    await complete(uploadId, archive);
    const after = await describeVault();
    assert.equal(after.NumberOfArchives, before.NumberOfArchives + 1);
    assert.equal(after.SizeInBytes, before.SizeInBytes + mebibyte + 32_768);
  });
});

describe("UploadMultipartPart", () => {
  let uploadId: string;
  before(async () => {
    uploadId = await initiateUpload(server, "vault", mebibyte);
  });
  const body = Buffer.from("hello world");
  const helloHash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
  const put = (headers: Record<string, string | undefined>, unsignedHeaders: Record<string, string> = {}) => {
    const request = partRequest("vault", uploadId, 0, body);
    return server.client.send({ ...request, headers: { ...request.headers, ...headers }, unsignedHeaders });
  };

  test("each missing header is named, the tree hash first", async () => {
    assertError(await put({ "content-range": undefined }), missing("Content-Range"));
    assertError(await put({ "content-range": "" }), missing("Content-Range"));
    assertError(
      await put({ "content-range": undefined, "x-amz-sha256-tree-hash": undefined }),
      missing("SHA256 tree hash"),
    );
    assertError(await put({ "content-range": undefined, "x-amz-sha256-tree-hash": "000" }), missing("Content-Range"));
    assertError(await put({ "x-amz-content-sha256": undefined }), missing("SHA256 content hash"));
  });

  test("a Content-Range of another form is refused", async () => {
    for (const range of [
      "bytes=0-10/*",
      "bytes 0-10",
      "0-10/*",
      "bytes  0-10/*",
      "bytes 10-0/*",
      "bytes -10/*",
      "bytes 0-10/x",
    ]) {
      assertError(await put({ "content-range": range }), invalid(`Invalid Content-Range: ${range}`));
    }
    const empty = "bytes 909994937-909994936/*";
    assertError(await put({ "content-range": empty }), invalid(`Invalid Content-Range: ${empty}`));
  });

  test("a total in the place of the asterisk is accepted", async () => {
    assert.equal((await put({ "content-range": "bytes 0-10/11" })).status, 204);
  });

  test("a range that is not aligned, or longer than a part, is refused", async () => {
    for (const range of ["bytes 1-11/*", "bytes 524288-524298/*", "bytes 0-1048576/*", "bytes 1048576-3145727/*"]) {
      assertError(await put({ "content-range": range }), invalid(`Invalid Content-Range: ${range}`));
    }
  });

  test("a range that the body does not fill is refused, with both", async () => {
    for (const range of ["bytes 0-9/*", "bytes 0-11/*", "bytes 1048576-2097151/*"]) {
      const text = `Content-Range: ${range} is incompatible with Content-Length: 11`;
      assertError(await put({ "content-range": range }), invalid(text));
    }
  });

  test("a body without an announced length is counted as it comes", async () => {
    const chunked = { "transfer-encoding": "chunked" };
    assert.equal((await put({}, chunked)).status, 204);
    for (const range of ["bytes 0-9/*", "bytes 0-11/*"]) {
      const text = `Content-Range: ${range} is incompatible with Content-Length: 11`;
      assertError(await put({ "content-range": range }, chunked), invalid(text));
    }
  });

  test("the ten thousandth part is the last", async () => {
    const at = (number: number) => `bytes ${(number - 1) * mebibyte}-${(number - 1) * mebibyte + 10}/*`;
    assert.equal((await put({ "content-range": at(10_000) })).status, 204);
    const text = "This is part number 10001 for the current multipart upload. It exceeds the limit of 10000 parts.";
    assertError(await put({ "content-range": at(10_001) }), invalid(text));
  });

  test("wrong hashes are refused as they are for an archive", async () => {
    const wrong = "0".repeat(64);
    const content = await put({ "x-amz-content-sha256": wrong, "x-amz-sha256-tree-hash": wrong });
    assertError(content, {
      status: 403,
      code: "InvalidSignatureException",
      message: /^The value passed in as x-amz-content-sha256/,
    });
    const mismatch = `Checksum mismatch: expected ${wrong}, computed ${helloHash}`;
    assertError(await put({ "x-amz-sha256-tree-hash": wrong }), invalid(mismatch));
    assertError(await put({ "x-amz-sha256-tree-hash": "00" }), invalid(mismatch));
    assertError(await put({ "x-amz-sha256-tree-hash": "000" }), invalid("Invalid x-amz-sha256-tree-hash: 000"));
  });

  test("a refused part leaves the one before it in place", async () => {
    const own = await initiateUpload(server, "vault", mebibyte);
    await putPart(own, 0, body);
    const request = partRequest("vault", own, 0, Buffer.from("other bytes"));
    const headers = { ...request.headers, "x-amz-sha256-tree-hash": "0".repeat(64) };
    assert.equal((await server.client.send({ ...request, headers })).status, 400);
    assert.equal((await complete(own, body)).status, 201);
  });

  test("an unknown upload is not found, before the range is judged by it", async () => {
    const request = {
      ...partRequest("vault", unknownId, 0, body),
      headers: { ...contentHeaders(body), "content-range": "bytes 5-15/*" },
    };
    assertError(await server.client.send(request), unknown(unknownId));
    const malformed = { ...request, headers: { ...request.headers, "content-range": "bytes=0-10/*" } };
    assertError(await server.client.send(malformed), invalid("Invalid Content-Range: bytes=0-10/*"));
  });
});

describe("CompleteMultipartUpload", () => {
  const archive = randomContent(2 * mebibyte + 5);
  const begun = async (...starts: number[]) => {
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    for (const start of starts) {
      await putPart(uploadId, start, archive.subarray(start, start + mebibyte));
    }
    return uploadId;
  };

  test("each wrong claim is refused with its value, and right ones succeed afterwards", async () => {
    const uploadId = await begun(0, mebibyte, 2 * mebibyte);
    for (const [headers, error] of [
      [{ "x-amz-sha256-tree-hash": undefined }, missing("SHA256 tree hash")],
      [{ "x-amz-archive-size": undefined }, missing("Archive size")],
      [{ "x-amz-archive-size": undefined, "x-amz-sha256-tree-hash": "000" }, missing("Archive size")],
      [{ "x-amz-sha256-tree-hash": "000" }, invalid("Invalid x-amz-sha256-tree-hash: 000")],
      [{ "x-amz-sha256-tree-hash": "0".repeat(64) }, invalid(`Invalid x-amz-sha256-tree-hash: ${"0".repeat(64)}`)],
      [{ "x-amz-archive-size": "2097158" }, invalid("Invalid x-amz-archive-size: 2097158")],
      [{ "x-amz-archive-size": "0" }, invalid("Invalid x-amz-archive-size: 0")],
      [{ "x-amz-archive-size": "-1" }, invalid("Invalid x-amz-archive-size: -1")],
      [{ "x-amz-archive-size": "2MB" }, invalid("Invalid x-amz-archive-size: 2MB")],
      [{ "x-amz-archive-size": "9".repeat(30) }, invalid(`Invalid x-amz-archive-size: ${"9".repeat(30)}`)],
    ] as const) {
      assertError(await complete(uploadId, archive, headers), error);
    }
    assert.equal((await complete(uploadId, archive)).status, 201);
  });

  test("gaps, a short part in the middle, and no parts at all are refused; what is missing can be sent", async () => {
    const none = await begun();
    assertError(await complete(none, archive), invalid(/has no parts/));
    const gap = await begun(0, 2 * mebibyte);
    assertError(await complete(gap, archive), invalid(/missing the bytes 1048576-2097151/));
    const headless = await begun(mebibyte, 2 * mebibyte);
    assertError(await complete(headless, archive), invalid(/missing the bytes 0-1048575/));
    await putPart(gap, mebibyte, archive.subarray(mebibyte, mebibyte + 100));
    assertError(await complete(gap, archive), invalid(/part 1048576-1048675 is shorter/));
    await putPart(gap, mebibyte, archive.subarray(mebibyte, 2 * mebibyte));
    assert.equal((await complete(gap, archive)).status, 201);
  });

  test("repeated, it gives the same archive for a day, but only for the same claim", async () => {
    const uploadId = await begun(0, mebibyte, 2 * mebibyte);
    const first = await complete(uploadId, archive);
    server.clock.advance(dayMilliseconds - hourMilliseconds);
    const again = await complete(uploadId, archive, { "x-amz-sha256-tree-hash": treeHashOf(archive).toUpperCase() });
    assert.equal(again.status, 201, again.text);
    for (const name of ["location", "x-amz-archive-id", "x-amz-sha256-tree-hash"]) {
      assert.equal(again.headers[name], first.headers[name]);
    }
    const otherSize = await complete(uploadId, archive, { "x-amz-archive-size": "5" });
    assertError(otherSize, invalid("Invalid x-amz-archive-size: 5"));
    const wrong = "1".repeat(64);
    const otherHash = await complete(uploadId, archive, { "x-amz-sha256-tree-hash": wrong });
    assertError(otherHash, invalid(`Invalid x-amz-sha256-tree-hash: ${wrong}`));
    server.clock.advance(hourMilliseconds + 1);
    assertError(await complete(uploadId, archive), unknown(uploadId));
  });

  test("repeated after its archive was deleted, it does not give the archive's id", async () => {
    const uploadId = await begun(0, mebibyte, 2 * mebibyte);
    const { headers } = await complete(uploadId, archive);
    const deletion = { method: "DELETE", path: `${vaultPath("vault")}/archives/${headers["x-amz-archive-id"]}` };
    assert.equal((await server.client.send(deletion)).status, 204);
    assertError(await complete(uploadId, archive), unknown(uploadId));
  });

  test("at once and many times, it makes one archive", async () => {
    const uploadId = await begun(0, mebibyte, 2 * mebibyte);
    const before = await describeVault();
    const answers = await Promise.all(Array.from({ length: 8 }, () => complete(uploadId, archive)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
    assert.equal(new Set(answers.map(({ headers }) => headers["x-amz-archive-id"])).size, 1);
    assert.equal((await describeVault()).NumberOfArchives, before.NumberOfArchives + 1);
  });

  test("a completed upload takes no parts, is not listed, and cannot be aborted", async () => {
    const uploadId = await begun(0, mebibyte, 2 * mebibyte);
    await complete(uploadId, archive);
    assertError(await send("GET", uploadPath(uploadId)), unknown(uploadId));
    assertError(await server.client.send(partRequest("vault", uploadId, 0, Buffer.from("x"))), unknown(uploadId));
    assertError(await abort(uploadId), unknown(uploadId));
    assert.equal((await complete(uploadId, archive)).status, 201);
  });

  test("an unknown upload is not found", async () => {
    assertError(await complete(unknownId, archive), unknown(unknownId));
  });
});

describe("AbortMultipartUpload", () => {
  test("answers 204, also when it is repeated, and the id is good for nothing more", async () => {
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    await putPart(uploadId, 0, Buffer.from("x"));
    assert.equal((await abort(uploadId)).status, 204);
    assert.equal((await abort(uploadId)).status, 204);
    assertError(await complete(uploadId, Buffer.from("x")), unknown(uploadId));
    assertError(await send("GET", uploadPath(uploadId)), unknown(uploadId));
    assertError(await server.client.send(partRequest("vault", uploadId, 0, Buffer.from("x"))), unknown(uploadId));
    server.clock.advance(dayMilliseconds + 1);
    assertError(await abort(uploadId), unknown(uploadId));
  });

  test("an unknown upload, and one of another vault, are not found", async () => {
    await createVault(server, "stranger");
    const foreign = await initiateUpload(server, "stranger", mebibyte);
    assertError(await abort(unknownId), unknown(unknownId));
    assertError(await abort(foreign), unknown(foreign));
    assertError(await send("GET", uploadPath(foreign)), unknown(foreign));
    assertError(await complete(foreign, Buffer.from("x")), unknown(foreign));
    assertError(await server.client.send(partRequest("vault", foreign, 0, Buffer.from("x"))), unknown(foreign));
  });
});

describe("an idle upload", () => {
  test("lives for a day after its last part, and then is not found", async () => {
    const uploadId = await initiateUpload(server, "vault", mebibyte);
    server.clock.advance(dayMilliseconds - 1);
    await putPart(uploadId, 0, Buffer.from("x"));
    server.clock.advance(dayMilliseconds - 1);
    assert.equal((await send("GET", uploadPath(uploadId))).status, 200);
    server.clock.advance(2);
    assertError(await send("GET", uploadPath(uploadId)), unknown(uploadId));
    assertError(await complete(uploadId, Buffer.from("x")), unknown(uploadId));
    assertError(await abort(uploadId), unknown(uploadId));
    assertError(await server.client.send(partRequest("vault", uploadId, 0, Buffer.from("x"))), unknown(uploadId));
  });
});
