import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { isTreeHash } from "@moraine/protocol";
import {
  assertError,
  assertSameBytes,
  createVault,
  deleteArchive,
  finishedJob,
  getOutput,
  initiateJob,
  initiateUpload,
  mebibyte,
  randomContent,
  treeHashOf,
  uploadArchive,
  uploadInParts,
  vaultNotFound,
  vaultPath,
} from "../support/glacier.ts";
import { region } from "../support/server.ts";
import { signedClient } from "../support/signed-request.ts";
import { faultyServer } from "./faulty-server.ts";

const checksum = "x-amz-sha256-tree-hash";
const reset = { code: "ECONNRESET" };

/** A vault with an archive that has been retrieved. */
async function retrieved(sizeBytes: number) {
  const server = await faultyServer();
  await createVault(server, "v");
  const content = randomContent(sizeBytes);
  const archiveId = await uploadArchive(server, "v", content);
  const jobId = await finishedJob(server, "v", { Type: "archive-retrieval", ArchiveId: archiveId });
  return {
    server,
    content,
    archiveId,
    output: (range?: string) => getOutput(server, "v", jobId, range),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

test("a slow body is whole and right, and takes as long as its rate says", async () => {
  await using world = await retrieved(5000);
  world.server.put("slow-body:bytesPerSecond=10000");
  const began = performance.now();
  const answer = await world.output();
  const seconds = (performance.now() - began) / 1000;
  assertSameBytes(answer.body, world.content);
  assert.equal(answer.headers["x-moraine-fault"], "slow-body");
  assert.ok(seconds > 0.35 && seconds < 3, `${seconds} s for half a second's bytes`);
});

test("a slow body can be JSON, and as slow as a byte at a time", async () => {
  await using server = await faultyServer();
  server.put("slow-body:bytesPerSecond=100");
  const began = performance.now();
  const answer = await server.client.send({ method: "GET", path: "/-/vaults" });
  assert.deepEqual(answer.json(), { Marker: null, VaultList: [] });
  assert.ok(performance.now() - began > 200);
});

test("a delayed response is right, and starts when its time is over", async () => {
  await using world = await retrieved(5000);
  world.server.put("delay:milliseconds=300");
  const start = performance.now();
  const answer = await world.output();
  assert.ok(performance.now() - start >= 290);
  assertSameBytes(answer.body, world.content);
  assert.equal(answer.headers["x-moraine-fault"], "delay");
});

test("a client that does not wait for a delayed response ends the delay, and the operation is done", async () => {
  await using server = await faultyServer();
  server.put("delay:operation=CreateVault,milliseconds=86400000,count=1");
  const impatient = signedClient({ ...server, region });
  const pending = assert.rejects(impatient.send({ method: "PUT", path: vaultPath("v") }));
  while (server.book.list()[0]?.fired === 0) {
    await setImmediate();
  }
  impatient.close();
  await pending;
  while (server.records.length === 0) {
    await setImmediate();
  }
  assert.deepEqual(
    server.records.map(({ operation, status }) => [operation, status]),
    [["CreateVault", 499]],
  );
  assert.equal((await server.client.send({ method: "GET", path: vaultPath("v") })).status, 200);
});

test("a reset after n bytes sends no more than those, under the length of all", async () => {
  await using world = await retrieved(3 * mebibyte);
  for (const bytes of [1, 1000, 65_536, mebibyte, 2 * mebibyte + 7]) {
    const { id } = world.server.put(`reset:operation=GetJobOutput,bytes=${bytes},count=1`);
    const answer = await world.output();
    assert.equal(answer.complete, false);
    assert.equal(answer.headers["content-length"], String(world.content.length));
    assert.equal(answer.headers["x-moraine-fault"], "reset");
    // A reset discards the bytes that were sent and that the client has not read yet.
    assert.ok(answer.body.length <= bytes);
    assertSameBytes(answer.body, world.content.subarray(0, answer.body.length));
    world.server.book.remove(id);
  }
  assertSameBytes((await world.output()).body, world.content);
});

test("a reset after no byte sends nothing of the response, though the operation is done", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  server.put("reset:operation=UploadArchive,count=1");
  await assert.rejects(uploadArchive(server, "v", randomContent(1000)), reset);
  const { NumberOfArchives } = (await server.client.send({ method: "GET", path: vaultPath("v") })).json<{
    NumberOfArchives: number;
  }>();
  assert.equal(NumberOfArchives, 1);
  assert.deepEqual(
    server.records.map(({ operation, status, error }) => [operation, status, error]),
    [
      ["CreateVault", 201, null],
      ["UploadArchive", 499, null],
      ["DescribeVault", 200, null],
    ],
  );
});

test("a reset keeps its count while bodies end before its place", async () => {
  await using server = await faultyServer();
  const fault = server.put("reset:bytes=1000000,count=1");
  assert.equal((await server.client.send({ method: "GET", path: "/-/vaults" })).complete, true);
  assert.deepEqual(server.book.list(), [fault]);
});

test("a wrong checksum looks right, next to the right bytes; and is another every time", async () => {
  await using world = await retrieved(1000);
  const { client } = world.server;
  world.server.put("wrong-checksum");
  const [first, second] = [await world.output(), await world.output()];
  for (const { headers, body } of [first, second]) {
    assertSameBytes(body, world.content);
    assert.ok(isTreeHash(String(headers[checksum])));
    assert.notEqual(headers[checksum], treeHashOf(world.content));
    assert.equal(headers["x-moraine-fault"], "wrong-checksum");
  }
  assert.notEqual(first.headers[checksum], second.headers[checksum]);
  const headers = {
    [checksum]: treeHashOf(world.content),
    "x-amz-content-sha256": treeHashOf(world.content),
  };
  const upload = { method: "POST", path: `${vaultPath("v")}/archives`, headers, body: world.content };
  const answer = await client.send(upload);
  assert.equal(answer.status, 201);
  assert.notEqual(answer.headers[checksum], treeHashOf(world.content));
});

test("a response without a checksum does not get a wrong one", async () => {
  await using world = await retrieved(3 * mebibyte);
  const fault = world.server.put("wrong-checksum:operation=GetJobOutput,count=1");
  const answer = await world.output("bytes=1-1000");
  assert.equal(answer.headers[checksum], undefined);
  assert.deepEqual(world.server.book.list(), [fault]);
});

test("whole-checksum gives every range the archive's hash, and leaves the whole as it is", async () => {
  await using world = await retrieved(3 * mebibyte);
  world.server.put("whole-checksum");
  for (const range of [`bytes=0-${mebibyte - 1}`, "bytes=5-10"]) {
    const { status, headers, body } = await world.output(range);
    assert.equal(status, 206);
    assert.notEqual(treeHashOf(body), treeHashOf(world.content));
    assert.equal(headers[checksum], treeHashOf(world.content));
    assert.equal(headers["x-moraine-fault"], "whole-checksum");
  }
  const whole = await world.output();
  assert.equal(whole.headers[checksum], treeHashOf(world.content));
  assert.equal(whole.headers["x-moraine-fault"], undefined);
});

test("whole-checksum gives the output of a job of a range the archive's hash, and an inventory none", async () => {
  await using world = await retrieved(2 * mebibyte);
  const { server, archiveId, content } = world;
  server.put("whole-checksum");
  const RetrievalByteRange = `0-${mebibyte - 1}`;
  const ranged = { Type: "archive-retrieval", ArchiveId: archiveId, RetrievalByteRange };
  const answer = await getOutput(server, "v", await finishedJob(server, "v", ranged));
  assert.equal(answer.body.length, mebibyte);
  assert.equal(answer.headers[checksum], treeHashOf(content));
  const inventory = await getOutput(server, "v", await finishedJob(server, "v", { Type: "inventory-retrieval" }));
  assert.equal(inventory.headers[checksum], undefined);
});

test("a corrupt byte is one bit of one byte, under the right headers, and not of what is stored", async () => {
  await using world = await retrieved(2 * mebibyte + 5);
  world.server.put("corrupt-byte:count=20");
  const places = new Set<number>();
  for (let time = 0; time < 20; time += 1) {
    const { body, headers } = await world.output();
    assert.equal(headers[checksum], treeHashOf(world.content));
    assert.equal(headers["x-moraine-fault"], "corrupt-byte");
    const [at = 0, ...others] = differences(body, world.content);
    assert.deepEqual(others, []);
    const flipped = (body[at] ?? 0) ^ (world.content[at] ?? 0);
    assert.ok(flipped > 0 && (flipped & (flipped - 1)) === 0, "one bit differs");
    places.add(at);
  }
  assert.ok(places.size > 15, "the place is random");
  assertSameBytes((await world.output()).body, world.content);
});

function differences(actual: Buffer, expected: Buffer): number[] {
  assert.equal(actual.length, expected.length);
  const found: number[] = [];
  for (let index = 0; index < expected.length; index += 1) {
    if (actual[index] !== expected[index]) {
      found.push(index);
    }
  }
  return found;
}

test("ids begin with a dash, and lead to what they name", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  server.put("dash-ids");
  const content = randomContent(mebibyte + 1);
  const archiveId = await uploadArchive(server, "v", content);
  const jobId = await finishedJob(server, "v", { Type: "archive-retrieval", ArchiveId: archiveId });
  const uploadId = await initiateUpload(server, "v", mebibyte);
  const assembled = await uploadInParts(server, "v", content, mebibyte);
  for (const [id, length] of [
    [archiveId, 138],
    [assembled, 138],
    [jobId, 92],
    [uploadId, 92],
  ] as const) {
    assert.match(id, /^-[A-Za-z0-9_-]+$/);
    assert.equal(id.length, length);
  }
  assertSameBytes((await getOutput(server, "v", jobId)).body, content);
  await deleteArchive(server, "v", archiveId);
  assert.equal(new Set([archiveId, assembled]).size, 2);
});

test("a response says that its id begins with a dash by a fault; a count of one is one request, not one id", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  server.put("dash-ids:count=1,operation=InitiateMultipartUpload");
  const request = {
    method: "POST",
    path: `${vaultPath("v")}/multipart-uploads`,
    headers: { "x-amz-part-size": "1048576" },
  };
  const answer = await server.client.send(request);
  assert.equal(answer.headers["x-moraine-fault"], "dash-ids");
  assert.equal((await server.client.send(request)).headers["x-moraine-fault"], undefined);
  assert.deepEqual(server.told, ["put dash-ids", "fired dash-ids"]);
});

test("several faults act on one response, in the order in which they were put", async () => {
  await using world = await retrieved(1000);
  world.server.put("wrong-checksum:count=1");
  world.server.put("corrupt-byte:count=1");
  world.server.put("reset:bytes=900,count=1");
  const answer = await world.output();
  assert.equal(answer.headers["x-moraine-fault"], "wrong-checksum, corrupt-byte, reset");
  assert.equal(answer.body.length, 900);
  assertSameBytes((await world.output()).body, world.content);
});

test("a response that is an error of itself stays as it is", async () => {
  await using server = await faultyServer();
  server.put("corrupt-byte");
  server.put("reset");
  const answer = await server.client.send({ method: "GET", path: vaultPath("none") });
  assertError(answer, vaultNotFound("none"));
});

test("jobs that run on in the background are no responses, and end as ever", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  const ArchiveId = await uploadArchive(server, "v", randomContent(1000));
  server.put("unavailable:operation=UploadArchive");
  await initiateJob(server, "v", { Type: "archive-retrieval", ArchiveId });
  assert.deepEqual(server.postponed, []);
});
