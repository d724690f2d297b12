import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertError,
  contentHeaders,
  createVault,
  describeJob,
  finishedJob,
  getOutput,
  initiateUpload,
  jobRequest,
  mebibyte,
  notFound,
  partRequest,
  randomContent,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { accountId } from "../support/server.ts";
import { faultyServer } from "./faulty-server.ts";

const listVaults = { method: "GET", path: "/-/vaults" };
const throttled = { status: 400, code: "ThrottlingException", message: "Rate exceeded" };

test("throttle answers 400 as often as its count says, and says on the response that it was a fault", async () => {
  await using server = await faultyServer();
  server.put("throttle:count=2");
  for (let time = 0; time < 2; time += 1) {
    const answer = await server.client.send(listVaults);
    assertError(answer, throttled);
    assert.equal(answer.headers["x-moraine-fault"], "throttle");
  }
  const answer = await server.client.send(listVaults);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-moraine-fault"], undefined);
  assert.deepEqual(server.told, ["put throttle", "fired throttle", "fired throttle"]);
});

test("a rule acts on its operation alone", async () => {
  await using server = await faultyServer();
  server.put("throttle:operation=DescribeVault");
  await createVault(server, "v");
  assert.equal((await server.client.send(listVaults)).status, 200);
  assertError(await server.client.send({ method: "GET", path: vaultPath("v") }), throttled);
});

test("a rule acts on requests of its account alone", async () => {
  await using server = await faultyServer();
  server.put("throttle:accountId=999999999999");
  assert.equal((await server.client.send(listVaults)).status, 200);
  server.put(`throttle:accountId=${accountId}`);
  assertError(await server.client.send(listVaults), throttled);
});

test("the same seed and rate hit the same responses again", async () => {
  const statuses = async () => {
    await using server = await faultyServer({ seed: 42 });
    server.put("unavailable:rate=0.5");
    const seen: number[] = [];
    for (let time = 0; time < 40; time += 1) {
      seen.push((await server.client.send(listVaults)).status);
    }
    return seen;
  };
  const first = await statuses();
  assert.deepEqual(await statuses(), first);
  assert.deepEqual([...new Set(first)].sort(), [200, 500]);
});

test("unavailable answers 500, of type Server, and is no failure of ours in the log", async () => {
  await using server = await faultyServer();
  server.put("unavailable");
  assertError(await server.client.send(listVaults), {
    status: 500,
    code: "ServiceUnavailableException",
    message: /as a fault rule asks/,
  });
  assert.deepEqual(
    server.records.map(({ status, error }) => [status, error]),
    [[500, null]],
  );
});

test("a refused upload stores nothing, though the client sends the entire archive", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  server.put("unavailable:operation=UploadArchive,count=1");
  const content = randomContent(300_000);
  await assert.rejects(uploadArchive(server, "v", content), /ServiceUnavailableException/);
  await uploadArchive(server, "v", content);
  const { NumberOfArchives } = (await server.client.send({ method: "GET", path: vaultPath("v") })).json<{
    NumberOfArchives: number;
  }>();
  assert.equal(NumberOfArchives, 1);
});

test("request-timeout refuses archives and parts with 408, and neither is stored", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  const uploadId = await initiateUpload(server, "v", mebibyte);
  const content = randomContent(mebibyte);
  const archive = {
    method: "POST",
    path: `${vaultPath("v")}/archives`,
    headers: contentHeaders(content),
    body: content,
  };
  server.put("request-timeout");
  for (const request of [archive, partRequest("v", uploadId, 0, content)]) {
    const answer = await server.client.send(request);
    assertError(answer, { status: 408, code: "RequestTimeoutException", message: "Request timed out." });
    assert.equal(answer.headers["x-moraine-fault"], "request-timeout");
  }
  server.book.clear();
  const vault = (await server.client.send({ method: "GET", path: vaultPath("v") })).json<{
    NumberOfArchives: number;
  }>();
  const parts = await server.client.send({ method: "GET", path: `${vaultPath("v")}/multipart-uploads/${uploadId}` });
  assert.deepEqual([vault.NumberOfArchives, parts.json<{ Parts: unknown[] }>().Parts], [0, []]);
});

test("a caller without permission learns nothing of faults", async () => {
  await using server = await faultyServer();
  server.put("throttle");
  const key = { ...server.key, secretAccessKey: "x".repeat(40) };
  const forged = await server.client.send({ ...listVaults, key });
  assert.equal(forged.status, 403);
  const foreign = await server.client.send({ method: "GET", path: "/999999999999/vaults" });
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers["x-moraine-fault"], undefined);
  assert.deepEqual(server.told, ["put throttle"]);
});

test("an expired job is not found, and is there again when the count has run out", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  const ArchiveId = await uploadArchive(server, "v", randomContent(1000));
  const jobId = await finishedJob(server, "v", { Type: "archive-retrieval", ArchiveId });
  server.put("expired-job:count=2");
  assertError(await getOutput(server, "v", jobId), notFound(`The job ID was not found: ${jobId}`));
  const path = `${vaultPath("v")}/jobs/${jobId}`;
  assertError(await server.client.send({ method: "GET", path }), notFound(`The job ID was not found: ${jobId}`));
  assert.equal((await describeJob(server, "v", jobId)).StatusCode, "Succeeded");
});

test("capacity is lacking for Expedited retrievals alone", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  const ArchiveId = await uploadArchive(server, "v", randomContent(1000));
  server.put("insufficient-capacity:count=1");
  const request = { Type: "archive-retrieval", ArchiveId };
  assert.equal((await server.client.send(jobRequest("v", request))).status, 202);
  assert.equal((await server.client.send(jobRequest("v", { ...request, Tier: "Bulk" }))).status, 202);
  assert.equal((await server.client.send(jobRequest("v", { Type: "inventory-retrieval" }))).status, 202);
  assert.equal((await server.client.send({ ...jobRequest("v", {}), body: "{" })).status, 400);
  const expedited = jobRequest("v", { ...request, Tier: "Expedited" });
  const answer = await server.client.send(expedited);
  assertError(answer, { status: 503, code: "InsufficientCapacityException", message: /expedited request/ });
  assert.equal(answer.headers["x-moraine-fault"], "insufficient-capacity");
  assert.equal((await server.client.send(expedited)).status, 202);
});

test("an account that is no longer supported is refused everything", async () => {
  await using server = await faultyServer();
  await createVault(server, "v");
  server.put(`no-longer-supported:accountId=${accountId}`);
  for (const [method, path] of [
    ["GET", "/-/vaults"],
    ["PUT", vaultPath("w")],
    ["DELETE", vaultPath("v")],
    ["GET", "/-/policies/data-retrieval"],
  ] as const) {
    assertError(await server.client.send({ method, path }), {
      status: 400,
      code: "NoLongerSupportedException",
      message: /no longer supported for new accounts/,
    });
  }
  server.book.clear();
  const { VaultList } = (await server.client.send(listVaults)).json<{ VaultList: { VaultName: string }[] }>();
  assert.deepEqual(
    VaultList.map(({ VaultName }) => VaultName),
    ["v"],
  );
});
