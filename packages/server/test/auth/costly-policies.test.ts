import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AccountId, adminLimits, errors } from "@moraine/protocol";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import { allow, callAdmin, deny, makeUser, policy } from "../support/admin.ts";
import { arn, assertError, createVault, invalid, vaultPath } from "../support/glacier.ts";
import { accountId, region, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

/** Every request with a long User-Agent would be compared with each of these. */
const agents = Array.from({ length: 700 }, (_, index) => `*${"a".repeat(8)}${index}*`);
const costly = (more = {}) =>
  policy(deny("glacier:*", arn("vault"), { Condition: { StringLike: { "aws:UserAgent": agents } }, ...more }));
const forVault = costly({ Principal: "*" });
const describe = (headers = {}) => server.client.send({ method: "GET", path: vaultPath("vault"), headers });

test("a policy that is costly to evaluate is refused when it is put", async () => {
  const put = (path: string, method: string) =>
    server.client.send({ method, path: `${vaultPath("vault")}/${path}`, body: JSON.stringify({ Policy: forVault }) });
  assertError(await put("access-policy", "PUT"), invalid(errors.invalidAccessPolicy().message));
  assertError(await put("lock-policy", "POST"), invalid(errors.invalidLockPolicy().message));
  await makeUser(server, "bob");
  const members = { userName: "bob", policyName: "costly" };
  const answer = await callAdmin(server, "PutUserPolicy", { members, body: { Policy: costly() } });
  assertError(answer, invalid(/the policy is too costly to evaluate: [0-9]+ steps, where [0-9]+ are allowed/));
});

test("one that was stored earlier denies and is reported, when a request makes it costly", async () => {
  const { metadata } = server.parts;
  const vault = await metadata.findVault({ accountId: accountId as AccountId, region, vaultName: "vault" });
  assert.ok(vault);
  await metadata.setAccessPolicy({ ...permittedBy(vault), policy: forVault });
  assert.equal((await describe({ "user-agent": "aws-cli/2" })).status, 200);
  assert.deepEqual(server.tooCostly, []);
  const answer = await describe({ "user-agent": "a".repeat(1024) });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /with an explicit deny in a resource-based policy/);
  assert.deepEqual(server.tooCostly, [`resource of ${arn("vault")}`]);
});

test("the policies of a user have a bound together, and one may replace another within it", async () => {
  await makeUser(server, "eve");
  const size = adminLimits.policySizeBytesMax;
  const long = (id: string) =>
    JSON.stringify({ Version: "2012-10-17", Id: id.padEnd(size - 200), Statement: allow("*") });
  const put = (policyName: string) =>
    callAdmin(server, "PutUserPolicy", {
      members: { userName: "eve", policyName },
      body: { Policy: long(policyName) },
    });
  for (const name of ["a", "b", "c", "a"]) {
    assert.equal((await put(name)).status, 204);
  }
  assertError(await put("d"), {
    status: 400,
    code: "LimitExceededException",
    message: "Too many bytes of policies for this user, which may have 65536",
  });
});
