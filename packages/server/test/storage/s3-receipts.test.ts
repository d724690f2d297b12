import assert from "node:assert/strict";
import { createHash, hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { BlobStoreUnavailableError } from "../../src/domain/stores/blob-store.ts";
import { callLimits } from "../../src/storage/blobs/s3/calls.ts";
import { Objects } from "../../src/storage/blobs/s3/objects.ts";
import { Part } from "../../src/storage/blobs/s3/part.ts";
import { connectBucket } from "../../src/storage/s3/connection.ts";

// Responses of a store to bytes that are sent to it, as AWS's SDK sees them.

type Respond = (response: ServerResponse, etag: string) => void;

const bytes = Buffer.alloc(300_000, "part");
/** Responses to the next requests; each later one is a success. */
let next: Respond[] = [];
let objects: Objects;

const server = createServer(async (request, response) => {
  const md5 = createHash("md5");
  for await (const piece of request) {
    md5.update(piece);
  }
  const respond = next.shift() ?? stored;
  respond(response, `"${md5.digest("hex")}"`);
});

before(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = { bucket: "archives", prefix: "", endpoint, region: "us-east-1", name: "s3://archives" };
  objects = new Objects(await connectBucket(url, callLimits));
});
after(() => {
  objects.close();
  server.close();
});

const stored: Respond = (response, etag) => response.setHeader("ETag", etag).end();
const error =
  (status: number, code: string): Respond =>
  (response) =>
    response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);

async function send(...responses: Respond[]) {
  next = responses;
  const part = new Part(Buffer.from(bytes), true);
  part.append(bytes);
  return objects.put("key", await part.body());
}

test("a store that has received the bytes shows it by their MD5", async () => {
  assert.equal((await send(stored)).isShown, true);
  const encrypted: Respond = (response) => response.setHeader("ETag", `"${hash("md5", "other bytes")}"`).end();
  assert.equal((await send(encrypted)).isShown, false);
});

test("a store that refuses other bytes differs from one that stores them, and from one that is away", async () => {
  const cases = [
    [error(400, "XAmzContentSHA256Mismatch"), true],
    [stored, false],
  ] as const;
  for (const [response, expected] of cases) {
    next = [response];
    assert.equal(await objects.refusesOtherBytes("key", bytes), expected);
  }
  next = Array.from({ length: callLimits.attemptsMax }, () => error(503, "SlowDown"));
  await assert.rejects(objects.refusesOtherBytes("key", bytes), BlobStoreUnavailableError);
});

test("bytes count as sent once when the first request was the last, whoever repeats", async () => {
  const cases: ReadonlyArray<readonly [string, Respond[], boolean]> = [
    ["the first succeeds", [], true],
    ["the store is busy, and the SDK repeats", [error(503, "SlowDown")], false],
    ["the connection ends, and the SDK repeats", [(response) => response.destroy()], false],
    ["bytes were altered on the way, and they are sent again", [error(400, "BadDigest")], false],
  ];
  for (const [name, responses, expected] of cases) {
    assert.equal((await send(...responses)).isSentOnce, expected, name);
  }
});
