import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { createVault, finishedJob, getOutput, jobRequest, uploadArchive } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectRaw } from "./raw-socket.ts";
import { signedText, textOf } from "./signed-text.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "photos");
});
after(() => server.stop());

const isPrintable = (byte: number) => byte >= 0x20 && byte <= 0x7e;

test("descriptions in headers may have the printable ones of all 256 bytes, and are returned unchanged", async () => {
  const connection = await connectRaw(server.port);
  const kept = new Set<string>();
  for (let byte = 0; byte < 256; byte += 1) {
    const description = `a${String.fromCharCode(byte)}b`;
    for (const request of headerRequests(description)) {
      const answer = await connection.request(textOf(signedText(server, request), ["Content-Length: 1"], "x"));
      assert.equal(answer.status, isPrintable(byte) ? 201 : 400, `byte ${byte}: ${answer.text}`);
    }
    if (isPrintable(byte)) {
      kept.add(description);
    }
  }
  connection.close();
  assert.deepEqual(await storedDescriptions(), kept);
});

test("descriptions of jobs may have the printable ones of all 256 bytes", async () => {
  for (let byte = 0; byte < 256; byte += 1) {
    const Description = `a${String.fromCharCode(byte)}b`;
    const answer = await server.client.send(jobRequest("photos", { Type: "inventory-retrieval", Description }));
    assert.equal(answer.status, isPrintable(byte) ? 202 : 400, `byte ${byte}: ${answer.text}`);
  }
});

test("a description comes back in a header with nothing changed", async () => {
  const every = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index)).join("");
  const description = `x${every}${every}x`;
  const archiveId = await uploadArchive(server, "photos", Buffer.from("x"), description);
  const jobId = await finishedJob(server, "photos", { Type: "archive-retrieval", ArchiveId: archiveId });
  assert.equal((await getOutput(server, "photos", jobId)).headers["x-amz-archive-description"], description);
});

test("a description that ends its header and begins another is no description", async () => {
  const connection = await connectRaw(server.port);
  const known = await storedDescriptions();
  for (const injected of ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx-evil: 1", "a\r\n folded", "a\x00b"]) {
    for (const request of headerRequests(injected)) {
      const answer = await connection.request(textOf(signedText(server, request), ["Content-Length: 1"], "x"));
      assert.equal(Math.floor(answer.status / 100), 4, `${JSON.stringify(injected)}: ${answer.text}`);
    }
  }
  connection.close();
  assert.deepEqual(await storedDescriptions(), known);
});

test("a description may have 1,024 bytes and no more", async () => {
  await uploadArchive(server, "photos", Buffer.from("x"), "d".repeat(1024));
  const [upload] = headerRequests("d".repeat(1025));
  const connection = await connectRaw(server.port);
  const answer = await connection.request(textOf(signedText(server, upload as never), ["Content-Length: 1"], "x"));
  assert.equal(answer.json()?.code, "InvalidParameterValueException");
  connection.close();
});

function headerRequests(description: string) {
  const content = { "x-amz-content-sha256": hash("sha256", "x"), "x-amz-sha256-tree-hash": hash("sha256", "x") };
  return [
    { path: "archives", headers: content },
    {
      path: "multipart-uploads",
      headers: { "x-amz-content-sha256": hash("sha256", "x"), "x-amz-part-size": "1048576" },
    },
  ].map(({ path, headers }) => ({
    method: "POST",
    path: `/-/vaults/photos/${path}`,
    headers: { ...headers, "x-amz-archive-description": description },
  }));
}

/** The descriptions of all open uploads, over all pages. */
async function storedDescriptions(): Promise<Set<string>> {
  const found = new Set<string>();
  for (let marker: string | null = ""; marker !== null; ) {
    const answer = await server.client.send({
      method: "GET",
      path: `/-/vaults/photos/multipart-uploads?marker=${marker}`,
    });
    const page = answer.json<{ Marker: string | null; UploadsList: Array<{ ArchiveDescription: string }> }>();
    for (const { ArchiveDescription } of page.UploadsList) {
      found.add(ArchiveDescription);
    }
    marker = page.Marker;
  }
  return found;
}
