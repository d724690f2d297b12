import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { getDatabase } from "../../src/backup/s3/bucket-database.ts";
import { openObject } from "../../src/backup/s3/bucket-reader.ts";
import { type Bucket, openBucket } from "../../src/storage/s3/bucket.ts";

// A bucket whose server ends each response in its middle, as Ceph does when it is read slowly: restores read at the speed of a disk.

const mebibyte = 1024 ** 2;
const objects = new Map([1, 2].map((number) => [`backups/one/moraine.db.00000${number}`, randomBytes(3 * mebibyte)]));
const bytes = Buffer.concat([...objects.values()]);
let servedBytesMax = 400_000;
let requests = 0;
let bucket: Bucket;
let folder: string;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://bucket");
  const object = objects.get(decodeURIComponent(url.pathname).slice("/bucket/".length)) ?? Buffer.alloc(0);
  if (url.searchParams.has("list-type")) {
    const listed = [...objects].map(
      ([key, { length }]) => `<Contents><Key>${key}</Key><Size>${length}</Size></Contents>`,
    );
    response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${listed.join("")}</ListBucketResult>`);
  } else if (request.method === "HEAD") {
    response.setHeader("content-length", object.length).end();
  } else {
    requests += 1;
    serve(response, object.subarray(Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0)));
  }
});

function serve(response: ServerResponse, rest: Buffer): void {
  response.writeHead(206, { "content-length": rest.length });
  response.write(rest.subarray(0, servedBytesMax), () => {
    if (rest.length > servedBytesMax) {
      response.destroy();
    } else {
      response.end();
    }
  });
}

before(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  bucket = await openBucket({ bucket: "bucket", prefix: "", endpoint, region: "us-east-1", name: "s3://bucket" });
  folder = await mkdtemp(join(tmpdir(), "moraine-bucket-"));
});
after(async () => {
  bucket.close();
  server.close();
  await rm(folder, { recursive: true });
});

test("a database is fetched although each response ends in its middle", async () => {
  requests = 0;
  const file = join(folder, "database");
  assert.equal(await getDatabase(bucket, "one", file), true);
  assert.ok(bytes.equals(await readFile(file)));
  assert.ok(requests >= bytes.length / servedBytesMax, `${requests} requests`);
});

test("a database that is fetched again replaces what was there", async () => {
  const file = join(folder, "database");
  assert.equal(await getDatabase(bucket, "one", file), true);
  assert.ok(bytes.equals(await readFile(file)));
});

test("a segment is read in blocks that are larger than what a response brings", async () => {
  servedBytesMax = 150_000;
  const [[key = "", object = Buffer.alloc(0)] = []] = objects;
  const reader = await openObject(bucket, key);
  const block = Buffer.alloc(mebibyte);
  for (let position = 0; position < object.length; position += block.length) {
    await reader.read(block, position);
    assert.ok(block.equals(object.subarray(position, position + block.length)), `at ${position}`);
  }
  await reader.close();
});

test("an object whose responses bring nothing is not read without end", async () => {
  servedBytesMax = 0;
  const [[key = ""] = []] = objects;
  const reader = await openObject(bucket, key);
  requests = 0;
  await assert.rejects(reader.read(Buffer.alloc(mebibyte), 0));
  assert.ok(requests < 10, `${requests} requests`);
});
