import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import {
  type AdminOperation,
  type AdminOperationName,
  type AuditRow,
  adminOperations,
  type NewAccessKey,
  operations,
} from "@moraine/protocol";
import { FaultRegistry } from "../../src/faults/fault-registry.ts";
import { type AdminCall, callAdmin, demand, makeUser, policy } from "../support/admin.ts";
import { completeRequest, contentHeaders, jobRequest, mebibyte, partRequest } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import type { RequestOptions, WireAnswer } from "../support/signed-request.ts";
import { lastSequence, trailOf } from "../support/trail.ts";

// Every operation that changes something leaves one entry, in the transaction of its change.

let server: TestServer;
before(async () => {
  const log = { put: () => undefined, removed: () => undefined, fired: () => undefined };
  server = await startTestServer({ nodes: 1, faults: new FaultRegistry(1, log), isEphemeral: true });
});
after(() => server.stop());

const seen = new Set<string>();

async function entryOf(
  name: string,
  send: () => Promise<WireAnswer>,
): Promise<{ answer: WireAnswer; entry: AuditRow }> {
  const { metadata } = server.parts;
  const before = await lastSequence(metadata);
  const answer = await send();
  assert.ok(answer.status < 300, `${name}: ${answer.text}`);
  const rows = await trailOf(metadata, before);
  assert.equal(rows.length, 1, `${name} leaves one entry`);
  const [entry] = rows as [AuditRow];
  assert.equal(entry.operation, name);
  assert.equal(entry.outcome, "done");
  assert.equal(entry.accountId, accountId);
  assert.equal(entry.principal, "root");
  assert.equal(entry.accessKeyId, server.key.accessKeyId);
  assert.equal(entry.address, "127.0.0.1");
  assert.equal(entry.reason, "the account's root");
  assert.equal(entry.requestId, answer.headers["x-amzn-requestid"]);
  assert.equal(entry.time, server.clock.now());
  seen.add(name);
  return { answer, entry };
}

const send = (name: string, options: RequestOptions) => entryOf(name, () => server.client.send(options));
const call = (name: AdminOperationName, more?: AdminCall) => entryOf(name, () => callAdmin(server, name, more));

const vault = "/-/vaults/photos";
const lock = (id = "") => `${vault}/lock-policy${id}`;
const json = (value: object) => JSON.stringify(value);

test("changes of vaults and archives", async () => {
  const created = await send("CreateVault", { method: "PUT", path: vault });
  assert.equal(created.entry.vault, `${accountId}/photos`);
  assert.equal(created.entry.subject, null);

  const bytes = randomBytes(100);
  const headers = contentHeaders(bytes);
  const uploaded = await send("UploadArchive", { method: "POST", path: `${vault}/archives`, headers, body: bytes });
  const archiveId = String(uploaded.answer.headers["x-amz-archive-id"]);
  assert.equal(uploaded.entry.subject, archiveId);
  const deleted = await send("DeleteArchive", { method: "DELETE", path: `${vault}/archives/${archiveId}` });
  assert.equal(deleted.entry.subject, archiveId);

  const uploads = `${vault}/multipart-uploads`;
  const partSize = { "x-amz-part-size": String(mebibyte) };
  const begin = () => send("InitiateMultipartUpload", { method: "POST", path: uploads, headers: partSize });
  const begun = await begin();
  const uploadId = String(begun.answer.headers["x-amz-multipart-upload-id"]);
  assert.equal(begun.entry.subject, uploadId);
  const part = await send("UploadMultipartPart", partRequest("photos", uploadId, 0, bytes));
  assert.equal(part.entry.subject, uploadId);
  const completed = await send("CompleteMultipartUpload", completeRequest("photos", uploadId, bytes));
  assert.equal(completed.entry.subject, completed.answer.headers["x-amz-archive-id"]);
  const again = String((await begin()).answer.headers["x-amz-multipart-upload-id"]);
  assert.equal(
    (await send("AbortMultipartUpload", { method: "DELETE", path: `${uploads}/${again}` })).entry.subject,
    again,
  );

  const job = await entryOf("InitiateJob", () =>
    server.client.send(jobRequest("photos", { Type: "inventory-retrieval" })),
  );
  assert.equal(job.entry.subject, job.answer.headers["x-amz-job-id"]);
});

test("changes of what is set on a vault, and of the vault", async () => {
  const tags = (operation: string) => `${vault}/tags?operation=${operation}`;
  await send("AddTagsToVault", { method: "POST", path: tags("add"), body: json({ Tags: { a: "b" } }) });
  await send("RemoveTagsFromVault", { method: "POST", path: tags("remove"), body: json({ TagKeys: ["a"] }) });
  const topic = { SNSTopic: `arn:aws:sns:us-east-1:${accountId}:t`, Events: ["ArchiveRetrievalCompleted"] };
  const notifications = `${vault}/notification-configuration`;
  await send("SetVaultNotifications", { method: "PUT", path: notifications, body: json(topic) });
  await send("DeleteVaultNotifications", { method: "DELETE", path: notifications });
  const statement = (action: string) => ({
    Effect: "Deny",
    Principal: "*",
    Action: action,
    Resource: `arn:aws:glacier:us-east-1:${accountId}:vaults/photos`,
  });
  const accessPolicy = json({ Policy: policy(statement("glacier:DeleteArchive")) });
  const access = `${vault}/access-policy`;
  await send("SetVaultAccessPolicy", { method: "PUT", path: access, body: accessPolicy });
  await send("DeleteVaultAccessPolicy", { method: "DELETE", path: access });
  const initiate = { method: "POST", path: lock(), body: accessPolicy };
  await send("InitiateVaultLock", initiate);
  await send("AbortVaultLock", { method: "DELETE", path: lock() });
  const lockId = (await send("InitiateVaultLock", initiate)).answer.headers["x-amz-lock-id"];
  await send("CompleteVaultLock", { method: "POST", path: lock(`/${lockId}`) });
  await send("SetDataRetrievalPolicy", {
    method: "PUT",
    path: "/-/policies/data-retrieval",
    body: json({ Policy: { Rules: [{ Strategy: "None" }] } }),
  });
  const bought = await send("PurchaseProvisionedCapacity", { method: "POST", path: "/-/provisioned-capacity" });
  assert.equal(bought.entry.subject, bought.answer.headers["x-amz-capacity-id"]);
  await server.client.send({ method: "PUT", path: "/-/vaults/empty" });
  assert.equal(
    (await send("DeleteVault", { method: "DELETE", path: "/-/vaults/empty" })).entry.vault,
    `${accountId}/empty`,
  );
});

test("changes of accounts, users, keys and policies", async () => {
  const userName = "alice";
  const account = "999999999999";
  assert.equal((await call("CreateAccount", { body: { AccountId: account } })).entry.subject, account);
  const named = { members: { accountId: account } };
  assert.match(String((await call("CreateRootKey", named)).entry.subject), /^root\/\w{20}$/);
  assert.equal((await call("DeleteAccount", named)).entry.subject, account);
  assert.equal((await call("CreateUser", { members: { userName } })).entry.subject, userName);
  const { answer, entry } = await call("CreateAccessKey", { members: { userName } });
  const { AccessKeyId: accessKeyId } = answer.json<NewAccessKey>();
  assert.equal(entry.subject, `alice/${accessKeyId}`);
  const ofKey = { members: { userName, accessKeyId } };
  const updated = await call("UpdateAccessKey", { ...ofKey, body: { Status: "Inactive" } });
  assert.equal(updated.entry.subject, `alice/${accessKeyId}`);
  await call("DeleteAccessKey", ofKey);
  assert.match(
    String((await call("CreateSession", { members: { userName }, body: {} })).entry.subject),
    /^alice\/\w{20}$/,
  );
  const ofPolicy = { members: { userName, policyName: "p" } };
  const document = policy({ Effect: "Allow", Action: "glacier:*", Resource: "*" });
  assert.equal((await call("PutUserPolicy", { ...ofPolicy, body: { Policy: document } })).entry.subject, "alice/p");
  await call("DeleteUserPolicy", ofPolicy);
  await call("DeleteUser", { members: { userName } });
});

test("changes that are not the store's: the clock, faults", async () => {
  const { metadata } = server.parts;
  const before = await lastSequence(metadata);
  await demand(server, "AdvanceClock", { body: { Seconds: 1 } });
  const [entry] = await trailOf(metadata, before);
  assert.equal(entry?.operation, "AdvanceClock");
  seen.add("AdvanceClock");
  const put = await call("PutFault", { body: { Mode: "throttle", Count: 1, Operation: "DescribeVault" } });
  const { FaultId: faultId } = put.answer.json<{ FaultId: string }>();
  assert.equal((await call("DeleteFault", { members: { faultId } })).entry.subject, faultId);
  await call("ClearFaults");
});

test("a reset, of which the trail itself stays", async () => {
  const { metadata } = server.parts;
  const before = await lastSequence(metadata);
  await call("ResetService");
  assert.ok((await trailOf(metadata)).length > before);
  await server.client.send({ method: "PUT", path: vault });
});

test("no operation that changes something is missing here", () => {
  // A message that can be sent again needs a receiver that refuses it: its test is that of a change that finds nothing.
  const others = ["RetryNotification", "SimulatePolicy", "GetCallerIdentity"];
  const all = { ...operations, ...(adminOperations as Record<string, AdminOperation>) };
  const changing = Object.entries(all).flatMap(([name, { method }]) => (method === "GET" ? [] : [name]));
  assert.deepEqual(
    changing.filter((name) => !seen.has(name) && !others.includes(name)),
    [],
  );
});

test("a request that a user's policy allows is recorded with the statement that allows it", async () => {
  const { metadata } = server.parts;
  const allowed = { Sid: "Tagging", Effect: "Allow", Action: "glacier:AddTagsToVault", Resource: "*" };
  const key = await makeUser(server, "bob", [
    { Effect: "Allow", Action: "glacier:ListVaults", Resource: "*" },
    allowed,
  ]);
  const before = await lastSequence(metadata);
  const body = json({ Tags: { a: "b" } });
  const path = `${vault}/tags?operation=add`;
  assert.equal((await server.client.send({ method: "POST", path, body, key })).status, 204);
  const [entry] = await trailOf(metadata, before);
  assert.equal(entry?.principal, "user/bob");
  assert.equal(entry?.reason, "allow by identity policy granted, statement 1 (Tagging)");
});

test("reads leave no entry", async () => {
  const before = await lastSequence(server.parts.metadata);
  for (const path of ["/-/vaults", vault, `${vault}/jobs`, "/-/policies/data-retrieval"]) {
    assert.equal((await server.client.send({ method: "GET", path })).status, 200);
  }
  await demand(server, "ListUsers");
  assert.equal(await lastSequence(server.parts.metadata), before);
});
