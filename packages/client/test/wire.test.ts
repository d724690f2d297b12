import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, everyItem, everyPage } from "@moraine/client";
import type { ByteRange } from "@moraine/protocol";
import { answer, type Step, scriptedServer } from "./support/scripted-server.ts";

const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" };
const clientOf = (url: string) => createClient({ region: "us-east-1", credentials: keys, endpoint: url });
const json = (value: unknown): Step => answer(200, { "content-type": "application/json" }, JSON.stringify(value));

test("a name stays one segment of the path, whatever it contains", async () => {
  await using server = await scriptedServer(json({}));
  await clientOf(server.url).describeVault({ vaultName: "a/../b?c#d%2F é", accountId: "210987654321" });
  assert.equal(server.seen[0]?.url, "/210987654321/vaults/a%2F..%2Fb%3Fc%23d%252F%20%C3%A9");
});

test("a name that a URL could not carry is refused before anything is sent", async () => {
  await using server = await scriptedServer(json({}));
  for (const vaultName of ["", ".", ".."]) {
    await assert.rejects(
      clientOf(server.url).deleteVault({ vaultName }),
      /^TypeError: Invalid vaultName .*: expected a string/,
    );
  }
  assert.equal(server.seen.length, 0);
});

test("a description that both ends would sign differently is refused before anything is sent", async () => {
  await using server = await scriptedServer(json({}));
  for (const archiveDescription of ["Ferien in Köln", "two\nlines"]) {
    const upload = clientOf(server.url).uploadArchive({ vaultName: "v", archiveDescription, body: new Uint8Array(1) });
    await assert.rejects(upload, /^TypeError: Invalid archiveDescription .*: expected printable ASCII characters only/);
  }
  assert.equal(server.seen.length, 0);
});

test("an invalid range is refused before anything is sent", async () => {
  await using server = await scriptedServer(json({}));
  const impossible = ["bytes=0-9", {}, { firstByte: 0 }, { firstByte: 2, lastByte: 1 }, { firstByte: -1, lastByte: 1 }];
  for (const range of [...impossible, { firstByte: 0, lastByte: Number.NaN }, { firstByte: 0, lastByte: 2 ** 53 }]) {
    const output = clientOf(server.url).getJobOutput({ vaultName: "v", jobId: "j", range: range as ByteRange });
    await assert.rejects(output, /^TypeError: Invalid range .*: expected \{ firstByte, lastByte \}/);
  }
  assert.equal(server.seen.length, 0);
});

test("strings on the wire are written from numbers, ranges and booleans", async () => {
  await using server = await scriptedServer(
    answer(201, { "x-amz-multipart-upload-id": "u" }),
    answer(204, { "x-amz-sha256-tree-hash": "t" }),
    answer(201, { "x-amz-archive-id": "a" }),
    json({ JobList: [], Marker: null }),
  );
  const client = clientOf(server.url);
  const upload = { vaultName: "v", uploadId: "-u" };
  const range = { firstByte: 4_294_967_296, lastByte: 4_294_967_300 };
  await client.initiateMultipartUpload({ vaultName: "v", partSize: 4_294_967_296 });
  await client.uploadMultipartPart({ ...upload, range, body: new Uint8Array(5) });
  await client.completeMultipartUpload({ ...upload, archiveSize: 40_000_000_000_001, checksum: "c" });
  await client.listJobs({ vaultName: "v", completed: false, marker: "a+b/c=", limit: 3 });
  const [initiate, part, complete, list] = server.seen;
  assert.equal(initiate?.headers["x-amz-part-size"], "4294967296");
  assert.equal(part?.headers["content-range"], "bytes 4294967296-4294967300/*");
  assert.equal(complete?.headers["x-amz-archive-size"], "40000000000001");
  assert.equal(complete?.headers["x-amz-sha256-tree-hash"], "c");
  assert.equal(list?.url, "/-/vaults/v/jobs?limit=3&marker=a%2Bb%2Fc%3D&completed=false");
});

test("a checksum of the caller's own is sent as it is", async () => {
  await using server = await scriptedServer(answer(201, { "x-amz-archive-id": "a" }));
  await clientOf(server.url).uploadArchive({ vaultName: "v", checksum: "mine", body: new Uint8Array(1) });
  assert.equal(server.seen[0]?.headers["x-amz-sha256-tree-hash"], "mine");
});

test("pages are requested one by one, until there is no marker or the loop is left", async () => {
  const pages = [
    { VaultList: [{ VaultName: "a" }, { VaultName: "b" }], Marker: "arn:b" },
    { VaultList: [], Marker: "arn:c" },
    { VaultList: [{ VaultName: "d" }], Marker: null },
  ];
  await using server = await scriptedServer(...pages.map(json), json(pages[0]));
  const names: string[] = [];
  for await (const { VaultName } of everyItem(clientOf(server.url), "listVaults", { limit: 2 })) names.push(VaultName);
  assert.deepEqual(names, ["a", "b", "d"]);
  assert.deepEqual(
    server.seen.map(({ url }) => url),
    ["/-/vaults?limit=2", "/-/vaults?limit=2&marker=arn%3Ab", "/-/vaults?limit=2&marker=arn%3Ac"],
  );
  for await (const page of everyPage(clientOf(server.url), "listVaults", {})) {
    assert.equal(page.VaultList.length, 2);
    break;
  }
  assert.equal(server.seen.length, 4);
});

test("an empty or missing marker is the end, and a page that repeats itself is an error", async () => {
  await using ends = await scriptedServer(json({ Parts: [], Marker: "" }), json({ Parts: [] }));
  const upload = { vaultName: "v", uploadId: "u" };
  for (let listing = 0; listing < 2; listing += 1) {
    for await (const _ of everyItem(clientOf(ends.url), "listParts", upload)) assert.fail();
  }
  assert.equal(ends.seen.length, 2);
  await using stuck = await scriptedServer(json({ Parts: [], Marker: "same" }));
  const reading = async () => {
    for await (const _ of everyItem(clientOf(stuck.url), "listParts", upload)) assert.fail();
  };
  await assert.rejects(reading(), /sent the same page again/);
  assert.equal(stuck.seen.length, 2);
});
