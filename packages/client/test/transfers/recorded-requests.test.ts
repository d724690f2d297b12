import assert from "node:assert/strict";
import { test } from "node:test";
import { DigestPool } from "../../src/transfers/hashing/digest-pool.ts";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";
import { type UploadOptions, uploadArchive } from "../../src/transfers/upload/upload-archive.ts";
import { clientOf, failure } from "../support/scripted-client.ts";
import { answer, refuse, reset, type ScriptedServer, scriptedServer } from "../support/scripted-server.ts";

// Uploads in one request whose id the caller records, against scripted responses.

const content = Buffer.alloc(300_000, 9);
const digest = digestOfBytes(content, "both");
const stored = answer(201, { "x-amz-archive-id": "archive", "x-amz-sha256-tree-hash": digest.treeHash });
const unavailable = refuse(503, "ServiceUnavailableException");

/** A client that may be calling AWS, since it wraps another one. */
const asToAws = (server: ScriptedServer) => ({ ...clientOf(server) });
const asNew = async () => ({ invocationId: "recorded-id", isRepeated: false });
const options: UploadOptions = { vaultName: "photos", beforeRequest: asNew };

test("the caller gets the archive's hashes before anything is sent, and its id is sent", async () => {
  await using server = await scriptedServer(stored);
  await using pool = new DigestPool();
  const announced: object[] = [];
  const beforeRequest: UploadOptions["beforeRequest"] = (request) => {
    announced.push({ ...request, requests: server.seen.length });
    return asNew();
  };
  const result = await uploadArchive(clientOf(server), content, { ...options, beforeRequest, pool });
  assert.equal(result.archiveId, "archive");
  assert.deepEqual(announced, [{ sizeBytes: content.length, ...digest, requests: 0 }]);
  assert.equal(server.seen[0]?.headers["amz-sdk-invocation-id"], "recorded-id");
});

test("a server that is not AWS's gets the request again under the same id after a lost response", async (t) => {
  t.mock.method(Math, "random", () => 0);
  await using server = await scriptedServer(reset, stored);
  await uploadArchive(clientOf(server), content, options);
  const ids = server.seen.map(({ headers }) => headers["amz-sdk-invocation-id"]);
  assert.deepEqual(ids, ["recorded-id", "recorded-id"]);
});

test("AWS gets the request only once when its response is lost, and the outcome is not known", async (t) => {
  t.mock.method(Math, "random", () => 0);
  await using server = await scriptedServer(unavailable, reset, stored);
  const error = await failure(uploadArchive(asToAws(server), content, options));
  assert.equal((error as Error).name, "CompletionUnknownError");
  assert.equal(server.seen.length, 2, "the refused request, and the one without a response");
});

test("AWS's refusals are certain: nothing is stored, however often it was tried", async (t) => {
  t.mock.method(Math, "random", () => 0);
  await using server = await scriptedServer(unavailable, unavailable, refuse(403, "AccessDeniedException"));
  const error = await failure(uploadArchive(asToAws(server), content, options));
  assert.equal((error as Error).name, "AccessDeniedException");
  await using other = await scriptedServer(refuse(403, "AccessDeniedException"));
  const beforeRequest = async () => ({ invocationId: "recorded-id", isRepeated: true });
  const repeated = await failure(uploadArchive(asToAws(other), content, { ...options, beforeRequest }));
  assert.equal((repeated as Error).name, "CompletionUnknownError", "the first request may have been carried out");
});
