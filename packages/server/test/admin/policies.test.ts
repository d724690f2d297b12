import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ListUserPoliciesOutput } from "@moraine/protocol";
import { allow, callAdmin, demand, makeUser, policy } from "../support/admin.ts";
import { assertError, invalid, notFound } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

let server: TestServer;
let bob: Credentials;
before(async () => {
  server = await startTestServer();
  bob = await makeUser(server, "bob");
});
after(() => server.stop());

const put = (policyName: string, Policy: unknown, userName = "bob") =>
  callAdmin(server, "PutUserPolicy", { members: { userName, policyName }, body: { Policy } });
const list = () => server.client.send({ method: "GET", path: "/-/vaults", key: bob });

test("a policy grants from the next request on, is given back as it was put, and stops when it is deleted", async () => {
  assert.equal((await list()).status, 403);
  const document = ` ${policy(allow("glacier:ListVaults"))}\n`;
  assert.equal((await put("reading", document)).status, 204);
  assert.equal((await list()).status, 200);
  const members = { userName: "bob", policyName: "reading" };
  assert.deepEqual(await demand(server, "GetUserPolicy", { members }), {
    UserName: "bob",
    PolicyName: "reading",
    Policy: document,
  });
  assert.equal((await put("reading", policy(allow("glacier:DescribeVault")))).status, 204);
  assert.equal((await list()).status, 403);
  await put("reading", document);
  assert.equal((await list()).status, 200);
  assert.equal((await callAdmin(server, "DeleteUserPolicy", { members })).status, 204);
  assert.equal((await list()).status, 403);
  const gone = notFound("The policy was not found: reading");
  assertError(await callAdmin(server, "GetUserPolicy", { members }), gone);
  assertError(await callAdmin(server, "DeleteUserPolicy", { members }), gone);
});

test("a policy that is not understood is refused with the reason, and the previous one stays", async () => {
  const good = policy(allow("glacier:ListVaults"));
  await put("kept", good);
  const bad = [
    "",
    "{}",
    "[]",
    "nonsense",
    policy({ ...allow("glacier:*"), Principal: "*" }),
    policy(allow("glacier:NoSuchThing")),
    policy(allow("glacier:*", "*", { Condition: { NoSuchOperator: { "aws:username": "x" } } })),
    policy(allow("glacier:*", "*", { Extra: 1 })),
    `{"Version":"2012-10-17","Statement":[],"Statement":[${JSON.stringify(allow("*"))}]}`,
    policy(allow("glacier:*", "*", { Sid: "x".repeat(20_500) })),
  ];
  for (const document of bad) {
    assertError(await put("kept", document), invalid(/^The specified policy is invalid: /));
  }
  assert.equal(
    (await demand<{ Policy: string }>(server, "GetUserPolicy", { members: { userName: "bob", policyName: "kept" } }))
      .Policy,
    good,
  );
});

test("policies are listed by name, page after page, and a user has twenty at most", async () => {
  await makeUser(server, "carol");
  for (let index = 0; index < 20; index += 1) {
    assert.equal((await put(`p${index}`, policy(allow("glacier:ListVaults")), "carol")).status, 204);
  }
  assertError(await put("one-more", policy(allow("glacier:ListVaults")), "carol"), {
    status: 400,
    code: "LimitExceededException",
    message: "Too many policies for this user, which may have 20",
  });
  const names: string[] = [];
  for (let marker: string | null = ""; marker !== null; ) {
    const page: ListUserPoliciesOutput = await demand(server, "ListUserPolicies", {
      members: { userName: "carol", limit: "7", marker },
    });
    names.push(...page.PolicyNames);
    marker = page.Marker;
  }
  assert.equal(new Set(names).size, 20);
  assert.deepEqual(names, [...names].sort());
});

test("names of policies are as those of users, and a user that is not there has none", async () => {
  for (const name of ["a b", "é", "x".repeat(65)]) {
    assertError(await put(name, policy(allow("*"))), invalid(/^Invalid policy name: /));
  }
  const nobody = notFound("The user was not found: nobody");
  assertError(await put("p", policy(allow("*")), "nobody"), nobody);
  const members = { userName: "nobody", policyName: "p" };
  assertError(await callAdmin(server, "GetUserPolicy", { members }), nobody);
  assertError(await callAdmin(server, "ListUserPolicies", { members: { userName: "nobody" } }), nobody);
  assertError(await callAdmin(server, "DeleteUserPolicy", { members }), nobody);
});
