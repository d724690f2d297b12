import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListRequestCountsOutput } from "@moraine/protocol";
import { parseFault } from "../../src/domain/faults/fault-text.ts";
import { FaultRegistry } from "../../src/faults/fault-registry.ts";
import { faultyServer } from "../faults/faulty-server.ts";
import { allow, callAdmin, credentialsOf, demand, deny, makeAccount, makeUser, policy } from "../support/admin.ts";
import {
  arn,
  assertError,
  createVault,
  finishedJob,
  getOutput,
  initiateUpload,
  invalid,
  mebibyte,
  partRequest,
  randomContent,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

const listVaults = { method: "GET", path: "/-/vaults" };
const counts = async (server: TestServer) =>
  (await demand<ListRequestCountsOutput>(server, "ListRequestCounts")).RequestCounts;

test("each operation is counted with the statuses of its responses, exactly and at once", async () => {
  await using server = await faultyServer({ nodes: 1 });
  assert.deepEqual(await counts(server), []);
  await createVault(server, "v");
  const content = randomContent(mebibyte + 1);
  const archiveId = await uploadArchive(server, "v", content);
  const jobId = await finishedJob(server, "v", { Type: "archive-retrieval", ArchiveId: archiveId });
  const sentBefore = await counts(server);
  for (let time = 1; time <= 20; time += 1) {
    await getOutput(server, "v", jobId);
    const [output] = (await counts(server)).filter(({ Operation }) => Operation === "GetJobOutput");
    assert.deepEqual(output, { Operation: "GetJobOutput", Requests: time, Responses: { 200: time } });
  }
  assert.deepEqual(
    sentBefore.map(({ Operation, Requests, Responses }) => [Operation, Requests, Responses]),
    [
      ["CreateVault", 1, { 201: 1 }],
      ["DescribeJob", sentBefore[1]?.Requests, { 200: sentBefore[1]?.Requests }],
      ["InitiateJob", 1, { 202: 1 }],
      ["UploadArchive", 1, { 201: 1 }],
    ],
  );
});

test("refused requests, faults, and requests without a response are counted as what they were", async () => {
  await using server = await faultyServer({ nodes: 1 });
  server.put("throttle:operation=ListVaults,count=1");
  server.put("reset:operation=CreateVault,count=1");
  await server.client.send(listVaults);
  await server.client.send(listVaults);
  await server.client.send({ ...listVaults, key: { ...server.key, secretAccessKey: "x".repeat(40) } });
  await assert.rejects(createVault(server, "v"));
  await server.client.send({ method: "GET", path: "/health/live", key: null });
  await server.client.send({ method: "GET", path: "/no/such/path" });
  assert.deepEqual(await counts(server), [
    { Operation: "CreateVault", Requests: 1, Responses: {} },
    { Operation: "ListVaults", Requests: 3, Responses: { 200: 1, 400: 1, 403: 1 } },
  ]);
});

/** A server with something of everything, and faults from its start. */
async function filled(options: { readonly isEphemeral?: boolean } = {}) {
  const log = { put: () => undefined, removed: () => undefined, fired: () => undefined };
  const book = new FaultRegistry(7, log, [parseFault("throttle:operation=ListTagsForVault,count=1")]);
  const server = await startTestServer({ ...options, nodes: 1, faults: book });
  await createVault(server, "v");
  const content = randomContent(mebibyte);
  const archiveId = await uploadArchive(server, "v", content);
  const uploadId = await initiateUpload(server, "v", mebibyte);
  await server.client.send(partRequest("v", uploadId, 0, content));
  const jobId = await finishedJob(server, "v", { Type: "archive-retrieval", ArchiveId: archiveId });
  await finishedJob(server, "v", { Type: "inventory-retrieval" });
  const other = await makeAccount(server);
  const user = await makeUser(server, "tester", [allow("*")]);
  await demand(server, "CreateSession", { members: { userName: "tester" }, body: {} });
  await server.client.send({ method: "PUT", path: "/-/vaults/theirs", key: other });
  const rules = { Policy: { Rules: [{ Strategy: "BytesPerHour", BytesPerHour: 1 }] } };
  await server.client.send({ method: "PUT", path: "/-/policies/data-retrieval", body: JSON.stringify(rules) });
  await server.client.send({ method: "POST", path: "/-/provisioned-capacity" });
  await demand(server, "PutFault", { body: { Mode: "unavailable", Operation: "DeleteVault" } });
  return {
    server,
    book,
    archiveId,
    jobId,
    other,
    user,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

test("a reset leaves the root's keys, and nothing else that was made", async () => {
  await using world = await filled();
  const { server, book, other, user, jobId } = world;
  const made = credentialsOf(await demand(server, "CreateAccessKey"));
  await demand(server, "ResetService");
  for (const key of [server.key, made]) {
    assert.deepEqual((await server.client.send({ ...listVaults, key })).json(), { Marker: null, VaultList: [] });
  }
  for (const key of [other, user]) {
    const refused = (await server.client.send({ ...listVaults, key })).json<{ code: string }>();
    assert.equal(refused.code, "UnrecognizedClientException");
  }
  const { Accounts, Users, Vaults } = await demand<Record<string, number>>(server, "GetHealth");
  assert.deepEqual([Accounts, Users, Vaults], [1, 0, 0]);
  assert.deepEqual(
    book.list().map(({ id, mode, left, fired }) => [id, mode, left, fired]),
    [["fault-1", "throttle", 1, 0]],
  );
  const policies = (await server.client.send({ method: "GET", path: "/-/policies/data-retrieval" })).json();
  assert.deepEqual(policies, { Policy: { Rules: [{ Strategy: "None" }] } });
  const units = (await server.client.send({ method: "GET", path: "/-/provisioned-capacity" })).json();
  assert.deepEqual(units, { ProvisionedCapacityList: [] });
  await createVault(server, "v");
  const { NumberOfArchives } = (await server.client.send({ method: "GET", path: vaultPath("v") })).json<{
    NumberOfArchives: number;
  }>();
  assert.equal(NumberOfArchives, 0);
  assert.equal((await getOutput(server, "v", jobId)).status, 404);
});

test("a reset frees the bytes of all that was stored, and counts requests from zero", async () => {
  await using world = await filled();
  const { server } = world;
  const { blobs, metadata } = server.parts;
  const keys = async () =>
    (await metadata.deadSegments({ afterKey: null, limit: 100 })).toSorted((one, other) => (one < other ? -1 : 1));
  assert.deepEqual(await keys(), []);
  await demand(server, "ResetService");
  assert.deepEqual(await counts(server), []);
  const dead = await keys();
  assert.equal(dead.length, 3, "an archive, a part, and an inventory");
  server.clock.advance(dayMilliseconds);
  while ((await keys()).length > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const key of dead) {
    await assert.rejects(blobs.open(key), "its bytes are gone");
  }
});

test("an archive that is on its way during a reset finds its vault gone, and leaves nothing", async () => {
  await using world = await filled();
  const { server } = world;
  const refused = assert.rejects(
    Promise.all(Array.from({ length: 20 }, () => uploadArchive(server, "v", randomContent(300_000)))),
    /ResourceNotFoundException/,
  );
  await demand(server, "ResetService");
  await refused;
  await createVault(server, "v");
  await uploadArchive(server, "v", randomContent(1000));
  assert.deepEqual(server.postponed, []);
});

async function faultless(): Promise<TestServer & AsyncDisposable> {
  const server = await startTestServer({ nodes: 1 });
  return { ...server, [Symbol.asyncDispose]: () => server.stop() };
}

test("a server without --allow-faults is not reset", async () => {
  await using server = await faultless();
  await createVault(server, "v");
  assertError(await callAdmin(server, "ResetService"), invalid(/only a server that runs with --allow-faults/));
  assert.equal((await server.client.send({ method: "GET", path: vaultPath("v") })).status, 200);
});

for (const isEphemeral of [false, true]) {
  test(`a reset ${isEphemeral ? "takes a locked vault with it on an ephemeral server" : "is refused while a vault is locked, and changes nothing"}`, async () => {
    await using world = await filled({ isEphemeral });
    const { server, archiveId, jobId, user } = world;
    const Policy = policy(deny("glacier:DeleteArchive", arn("v"), { Principal: "*" }));
    const path = `${vaultPath("v")}/lock-policy`;
    const lock = await server.client.send({ method: "POST", path, body: JSON.stringify({ Policy }) });
    const reset = () => callAdmin(server, "ResetService");
    const lockId = String(lock.headers["x-amz-lock-id"]);
    assert.equal((await server.client.send({ method: "POST", path: `${path}/${lockId}` })).status, 204, lock.text);
    if (isEphemeral) {
      assert.equal((await reset()).status, 204);
      assert.equal((await server.client.send({ method: "GET", path: vaultPath("v") })).status, 404);
    } else {
      assertError(await reset(), invalid(/^The vault v is locked, and a lock outlives a reset/));
      assert.equal((await server.client.send({ ...listVaults, key: user })).status, 200);
      assert.equal((await getOutput(server, "v", jobId)).status, 200);
      const deletion = { method: "DELETE", path: `${vaultPath("v")}/archives/${archiveId}` };
      assertError(await server.client.send(deletion), { status: 403, code: "AccessDeniedException", message: /deny/ });
    }
  });
}
