import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "../../src/node.ts";
import { jobSource } from "../../src/transfers/download/output-source.ts";
import { type Step, scriptedServer } from "../support/scripted-server.ts";

const facts = {
  sizeBytes: 5_000_000,
  treeHash: null,
  archiveTreeHash: null,
  archiveId: null,
  retrievalByteRange: null,
};
const range = { firstByte: 1000, lastByte: 1_000_999 };
const content = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));

/** Returns the bytes of the range from a server that announces no length. */
async function read(bytes: Uint8Array): Promise<Buffer> {
  const step: Step = (response) => {
    response.writeHead(206, { "content-range": `bytes 1000-1000999/${facts.sizeBytes}` });
    response.write(bytes);
    response.end();
  };
  await using server = await scriptedServer(step);
  const client = await createClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" },
  });
  const opened = await jobSource(client, { vaultName: "photos", jobId: "job" }, facts).open(
    range,
    new AbortController().signal,
  );
  const pieces: Buffer[] = [];
  for await (const piece of opened.bytes) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

test("a range has exactly the requested length, also if the server announces none", async () => {
  assert.ok((await read(content)).equals(content));
  await assert.rejects(read(content.subarray(0, -1)), /Received 999999 bytes of the range, expected 1000000/);
  await assert.rejects(read(Buffer.concat([content, Buffer.alloc(1)])), /Received more than the 1000000 bytes/);
});
