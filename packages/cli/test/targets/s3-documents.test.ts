import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { S3Documents } from "../../src/targets/s3/documents/s3-documents.ts";
import { S3Calls } from "../../src/targets/s3/s3-calls.ts";
import { connectBucket } from "../../src/targets/s3/s3-connection.ts";
import { S3Objects } from "../../src/targets/s3/s3-objects.ts";
import { S3Uploads } from "../../src/targets/s3/s3-uploads.ts";

// A store that closes each response early, as stores do whose responses are read slowly: a check reads the manifest for hours.

const manifest = Buffer.from(Array.from({ length: 400 }, (_, line) => `line ${line} of the manifest\n`).join(""));
const servedBytesMax = 1000;
let server: Server;
let requests = 0;
let isCut = true;
/** Bytes of the manifest in the bucket when its size is asked for. All of it is there when it is read. */
let listedBytes = manifest.length;

before(async () => {
  server = createServer((request, response) => {
    if (request.url?.includes("list-type=2")) {
      response.end("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    } else if (request.method === "HEAD") {
      response.setHeader("content-length", listedBytes).end();
    } else {
      requests += 1;
      serve(response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => server.close());

function serve(response: ServerResponse, firstByte: number): void {
  const rest = manifest.subarray(firstByte);
  response.writeHead(firstByte === 0 ? 200 : 206, { "content-length": rest.length });
  response.write(rest.subarray(0, isCut ? servedBytesMax : rest.length), () => {
    if (isCut) {
      response.destroy();
    } else {
      response.end();
    }
  });
}

async function readFrom(firstByte: number): Promise<Buffer> {
  const { port } = server.address() as AddressInfo;
  const url = {
    bucket: "bucket",
    prefix: "",
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${port}`,
    name: "s3://bucket",
  };
  const connection = await connectBucket(url, async () => ({ accessKeyId: "key", secretAccessKey: "secret" }));
  const calls = new S3Calls(connection);
  const objects = new S3Objects(calls);
  try {
    const documents = new S3Documents({ objects, uploads: new S3Uploads(calls) }, new AbortController().signal);
    const pieces: Uint8Array[] = [];
    for await (const piece of (await documents.read("MANIFEST.jsonl", firstByte)) ?? []) {
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } finally {
    objects.close();
  }
}

test("a document is read to its end though the store closes each response early", async () => {
  assert.deepEqual(await readFrom(0), manifest);
  assert.ok(requests >= manifest.length / servedBytesMax, `${requests} requests`);
});

test("a document is read from a byte on", async () => {
  assert.deepEqual(await readFrom(5005), manifest.subarray(5005));
  isCut = false;
  assert.deepEqual(await readFrom(manifest.length - 1), manifest.subarray(-1));
  assert.deepEqual(await readFrom(manifest.length), Buffer.alloc(0));
});

test("a document that grows while it is read ends with a line that it had at first", async () => {
  for (isCut of [true, false]) {
    // The response that ends after this one goes beyond it.
    listedBytes = manifest.indexOf("\n", servedBytesMax * 2 - 100) + 1;
    assert.ok(listedBytes < servedBytesMax * 2);
    assert.deepEqual((await readFrom(0)).toString(), manifest.subarray(0, listedBytes).toString());
  }
});
