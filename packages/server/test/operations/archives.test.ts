import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DescribeVaultOutput } from "@moraine/protocol";
import { content } from "../../../protocol/test/content-vectors.ts";
import { allow, makeUser } from "../support/admin.ts";
import {
  arn,
  assertCreated,
  assertError,
  assertSameBytes,
  contentHeaders,
  createVault,
  finishedJob,
  getOutput,
  invalid,
  jobRequest,
  mebibyte,
  missing,
  notFound,
  randomContent,
  unknownArchiveId,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { accountId, dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import type { RequestOptions, WireAnswer } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
  await createVault(server, "other");
});
after(() => server.stop());

const path = `${vaultPath("vault")}/archives`;
const hello = Buffer.from("hello world");
const helloHash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const helloHeaders = { "x-amz-content-sha256": helloHash, "x-amz-sha256-tree-hash": helloHash };
/** An upload of `hello world` with some of its headers changed. */
const upload = (headers: RequestOptions["headers"] = {}, options: Partial<RequestOptions> = {}) =>
  server.client.send({ method: "POST", path, headers: { ...helloHeaders, ...headers }, body: hello, ...options });
const bodyHashMismatch = (computed: string, expected: string) => ({
  status: 403,
  code: "InvalidSignatureException",
  message:
    "The value passed in as x-amz-content-sha256 does not match the computed payload hash. " +
    `Computed digest: ${computed} expected hash: ${expected}`,
});
const archiveCount = async () =>
  (await server.client.send({ method: "GET", path: vaultPath("vault") })).json<DescribeVaultOutput>().NumberOfArchives;

describe("UploadArchive", () => {
  test("answers 201 with the archive's path, id and tree hash, and an empty object", async () => {
    const answer = await upload();
    assertCreated(answer);
    const id = String(answer.headers["x-amz-archive-id"]);
    assert.match(id, /^[A-Za-z0-9_-]{138}$/);
    assert.equal(answer.headers.location, `/${accountId}/vaults/vault/archives/${id}`);
    assert.equal(answer.headers["x-amz-sha256-tree-hash"], helloHash);
  });

  test("the same bytes again make another archive", async () => {
    const ids = [await uploadArchive(server, "vault", hello), await uploadArchive(server, "vault", hello)];
    assert.notEqual(ids[0], ids[1]);
  });

  for (const [kind, sizeBytes, sha256, treeHash] of [
    [
      "M",
      1_048_577,
      "5769f52bc3eef28afa39c6fc68cadb7d0bd69812ae3a3d71452f519ec3c7aa56",
      "a9c574ce937d2371daf87cdd0e75396b096d7f74a66c764e4c656bd12b2e7bf9",
    ],
    [
      "M",
      6_815_744,
      "c05bf74d8dfb7c1a1c0e851433c0c8aba70641b14348d1f0fbc1ca560d0a2192",
      "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f",
    ],
  ] as const) {
    test(`${sizeBytes} bytes of content ${kind} have the known hashes`, async () => {
      const body = content(kind, sizeBytes);
      const answer = await upload({ "x-amz-content-sha256": sha256, "x-amz-sha256-tree-hash": treeHash }, { body });
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.headers["x-amz-sha256-tree-hash"], treeHash);
    });
  }

  test("bodies of all sizes around leaves and blocks come back as they were", async () => {
    const sizes = [1, 2, 262_143, 262_144, 262_145, mebibyte - 1, mebibyte, mebibyte + 1, 2 * mebibyte + 3];
    for (const size of sizes) {
      const body = randomContent(size);
      const jobId = await finishedJob(server, "vault", {
        Type: "archive-retrieval",
        ArchiveId: await uploadArchive(server, "vault", body),
      });
      assertSameBytes((await getOutput(server, "vault", jobId)).body, body);
    }
  });

  test("hashes may be sent in capitals, and are answered in small letters", async () => {
    const answer = await upload({
      "x-amz-content-sha256": helloHash.toUpperCase(),
      "x-amz-sha256-tree-hash": helloHash.toUpperCase(),
    });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers["x-amz-sha256-tree-hash"], helloHash);
  });

  test("any content type is accepted", async () => {
    for (const type of ["application/x-www-form-urlencoded; charset=utf-8", "application/json", "nonsense"]) {
      assert.equal((await upload({ "content-type": type })).status, 201);
    }
  });

  test("an empty body is refused, with or without hashes that fit", async () => {
    const empty = Buffer.alloc(0);
    assertError(await upload(contentHeaders(empty), { body: empty }), invalid("Invalid Content-Length: 0"));
    assertError(await upload({}, { body: empty }), invalid("Invalid Content-Length: 0"));
  });

  test("more than 4 GiB is refused by its announced length, before any of it has come", async () => {
    for (const length of [4 * 1024 ** 3 + 1, 10 ** 15]) {
      const answer = await upload({ "content-length": String(length) }, { endsBody: false });
      assertError(answer, invalid(`Invalid Content-Length: ${length}`));
    }
  });

  test("a body without a length is refused", async () => {
    assertError(await upload({}, { unsignedHeaders: { "transfer-encoding": "chunked" } }), missing("Content-Length"));
  });

  test("names the first of several missing headers, in the documented order", async () => {
    const nothing = {
      "x-amz-glacier-version": undefined,
      "x-amz-content-sha256": undefined,
      "x-amz-sha256-tree-hash": undefined,
    };
    assertError(await upload(nothing), missing("API version"));
    assertError(await upload({ ...nothing, "x-amz-glacier-version": "2012-06-01" }), missing("SHA256 tree hash"));
    assertError(await upload({ "x-amz-content-sha256": undefined }), missing("SHA256 content hash"));
    assertError(await upload({ "x-amz-sha256-tree-hash": undefined }), missing("SHA256 tree hash"));
    assertError(await upload({ "x-amz-sha256-tree-hash": "" }), missing("SHA256 tree hash"));
    const chunked = { unsignedHeaders: { "transfer-encoding": "chunked" } };
    assertError(await upload({ "x-amz-sha256-tree-hash": "000" }, chunked), missing("Content-Length"));
  });

  test("a tree hash that is no hex is invalid, and hex of any length is compared", async () => {
    for (const wrong of ["000", "xyz", `${helloHash.slice(0, -1)}g`, "0x00"]) {
      const answer = await upload({ "x-amz-sha256-tree-hash": wrong });
      assertError(answer, invalid(`Invalid x-amz-sha256-tree-hash: ${wrong}`));
    }
    for (const wrong of ["0".repeat(32), "00", "0".repeat(64), `${helloHash}00`, helloHash.replace("b", "c")]) {
      const answer = await upload({ "x-amz-sha256-tree-hash": wrong });
      const expected = wrong.padStart(64, "0");
      assertError(answer, invalid(`Checksum mismatch: expected ${expected}, computed ${helloHash}`));
    }
  });

  test("a wrong body hash is a wrong signature, also when the tree hash is wrong as well", async () => {
    const wrong = "0".repeat(64);
    assertError(await upload({ "x-amz-content-sha256": wrong }), bodyHashMismatch(helloHash, wrong));
    assertError(
      await upload({ "x-amz-content-sha256": wrong, "x-amz-sha256-tree-hash": wrong }),
      bodyHashMismatch(helloHash, wrong),
    );
  });

  test("a body hash that is no SHA-256 is refused", async () => {
    for (const wrong of ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "abc", "0".repeat(63)]) {
      const answer = await upload({ "x-amz-content-sha256": wrong });
      assertError(answer, {
        status: 403,
        code: "InvalidSignatureException",
        message: /does not match the computed payload hash.*expected hash: /,
      });
    }
  });

  test("a long body with one bit changed is refused", async () => {
    const sent = randomContent(3 * mebibyte + 5);
    const headers = contentHeaders(sent);
    sent[2 * mebibyte] = (sent[2 * mebibyte] ?? 0) ^ 1;
    const answer = await upload(headers, { body: sent });
    assertError(
      answer,
      bodyHashMismatch(contentHeaders(sent)["x-amz-content-sha256"] ?? "", headers["x-amz-content-sha256"] ?? ""),
    );
  });

  test("nothing is stored unless it is answered with 201", async () => {
    const before = await archiveCount();
    await upload({ "x-amz-content-sha256": "0".repeat(64) });
    await upload({ "x-amz-sha256-tree-hash": "0".repeat(64) });
    await upload({ "x-amz-sha256-tree-hash": "000" });
    await upload({ "x-amz-archive-description": "x".repeat(1025) });
    assert.equal(await archiveCount(), before);
  });
});

describe("an upload that an SDK sends again", () => {
  const invocationId = "6f4922f4-55c8-4f9c-a5c0-1c3e9b6a2c11";
  const idOf = (answer: WireAnswer) => {
    assert.equal(answer.status, 201, answer.text);
    return String(answer.headers["x-amz-archive-id"]);
  };
  const again = async (id: string, options: Partial<RequestOptions> = {}) =>
    idOf(await upload({ "amz-sdk-invocation-id": id }, options));

  test("gets the archive that it made before, for a day", async () => {
    const before = await archiveCount();
    const answers = await Promise.all(Array.from({ length: 5 }, () => again(invocationId)));
    const [first] = answers;
    assert.equal(new Set(answers).size, 1);
    assert.equal(await archiveCount(), before + 1);
    server.clock.advance(dayMilliseconds - 1);
    assert.equal(await again(invocationId), first);
    server.clock.advance(2);
    assert.notEqual(await again(invocationId), first);
  });

  test("is another one with other content, in another vault, or under another id", async () => {
    const id = "0123456789-another";
    const body = Buffer.from("other bytes");
    const ids = [
      await again(id),
      idOf(await upload({ ...contentHeaders(body), "amz-sdk-invocation-id": id }, { body })),
      await again(id, { path: `${vaultPath("other")}/archives` }),
      await again(`${id}-yet`),
      await again("short"),
      await again("short"),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });

  test("is another one for every user and for the root", async () => {
    const id = "0123456789-principals";
    const mayUpload = [allow("glacier:UploadArchive", "*")];
    const keys = [server.key, await makeUser(server, "ann", mayUpload), await makeUser(server, "ben", mayUpload)];
    const ids = [];
    for (const key of keys) {
      const first = await again(id, { key });
      assert.equal(await again(id, { key }), first);
      ids.push(first);
    }
    assert.equal(new Set(ids).size, keys.length);
  });

  test("makes a new archive when the first was deleted", async () => {
    const id = "0123456789-deleted";
    const first = await again(id);
    assert.equal((await server.client.send({ method: "DELETE", path: `${path}/${first}` })).status, 204);
    assert.notEqual(await again(id), first);
  });

  test("is checked like any other", async () => {
    const id = "0123456789-checked";
    await again(id);
    const wrong = "0".repeat(64);
    const answer = await upload({ "amz-sdk-invocation-id": id, "x-amz-sha256-tree-hash": wrong });
    assertError(answer, invalid(`Checksum mismatch: expected ${wrong}, computed ${helloHash}`));
  });
});

describe("archive descriptions", () => {
  const retrieved = async (headers: RequestOptions["headers"], options: Partial<RequestOptions> = {}) => {
    const answer = await upload(headers, options);
    assert.equal(answer.status, 201, answer.text);
    const ArchiveId = answer.headers["x-amz-archive-id"];
    const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId });
    return (await getOutput(server, "vault", jobId)).headers["x-amz-archive-description"];
  };
  const described = (description: string) => retrieved({ "x-amz-archive-description": description });

  test("they come back as they were sent, inner spaces included", async () => {
    const ascii = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join("");
    for (const text of ["a", "two  spaces and   three", "mt2 eyJmaWxlbmFtZSI6IngifQ", ascii, "y".repeat(1024)]) {
      assert.equal(await described(text), text);
    }
  });

  test("spaces around them are removed, and an empty one is none", async () => {
    assert.equal(await described("  padded  "), "padded");
    assert.equal(await described(""), undefined);
    assert.equal(await described("   "), undefined);
    assert.equal(await retrieved({}), undefined);
  });

  test("a byte too many, or one that is not printable ASCII, is refused", async () => {
    for (const wrong of ["z".repeat(1025), "tab\there"]) {
      const answer = await upload({ "x-amz-archive-description": wrong });
      assertError(answer, invalid(/^Invalid archive description: /));
    }
    // Latin-1 on the wire: whether the signature or the charset is found wrong, it is refused.
    const latin = await upload({ "x-amz-archive-description": "caf\u00e9" });
    assert.ok([400, 403].includes(latin.status));
  });
});

describe("DeleteArchive", () => {
  const remove = (vault: string, archiveId: string) =>
    server.client.send({ method: "DELETE", path: `${vaultPath(vault)}/archives/${archiveId}` });

  test("answers 204, and again when it is repeated", async () => {
    const archiveId = await uploadArchive(server, "vault", hello);
    const before = await archiveCount();
    for (let time = 0; time < 3; time += 1) {
      const answer = await remove("vault", archiveId);
      assert.equal(answer.status, 204);
      assert.equal(answer.text, "");
    }
    assert.equal(await archiveCount(), (before ?? 0) - 1);
  });

  test("an id that was never issued is not found, whatever it looks like", async () => {
    for (const id of [unknownArchiveId, "-", "_", "short", "x".repeat(1000), "a%20b"]) {
      assertError(await remove("vault", id), notFound(`The archive ID was not found: ${decodeURIComponent(id)}`));
    }
  });

  test("an archive of another vault stays, and the vault is called wrong", async () => {
    const archiveId = await uploadArchive(server, "other", hello);
    assertError(await remove("vault", archiveId), invalid(`Invalid vault name: ${arn("vault")}`));
    const job = jobRequest("other", { Type: "archive-retrieval", ArchiveId: archiveId });
    assert.equal((await server.client.send(job)).status, 202);
  });

  test("a deleted archive can be retrieved no more, but an output that is complete can be read", async () => {
    const archiveId = await uploadArchive(server, "vault", hello);
    const jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
    assert.equal((await remove("vault", archiveId)).status, 204);
    const again = jobRequest("vault", { Type: "archive-retrieval", ArchiveId: archiveId });
    assertError(await server.client.send(again), notFound(`The archive ID was not found: ${archiveId}`));
    assert.equal((await getOutput(server, "vault", jobId)).text, "hello world");
  });
});
