import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AdminOperationName, adminOperations, type CreateSessionOutput } from "@moraine/protocol";
import { allow, callAdmin, demand, deny, grant, makeUser, policy, userArn } from "../support/admin.ts";
import { assertError, invalid, notFound } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

let server: TestServer;
let skewMilliseconds = 0;
const systemNow = () => new Date(Date.now() + skewMilliseconds);
before(async () => {
  server = await startTestServer({ systemNow });
  await makeUser(server, "bob", [allow("*")]);
});
after(() => server.stop());

const unknown = {
  status: 400,
  code: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
};
const list = (key: Credentials) => server.client.send({ method: "GET", path: "/-/vaults", key, signedAt: systemNow() });

async function session(body: object = {}, userName = "bob"): Promise<Required<Credentials>> {
  const made = await demand<CreateSessionOutput>(server, "CreateSession", { members: { userName }, body });
  return { accessKeyId: made.AccessKeyId, secretAccessKey: made.SecretAccessKey, sessionToken: made.SessionToken };
}

test("a session signs with a key, a secret and a token of its own, and may do what its user may", async () => {
  const made = await demand<CreateSessionOutput>(server, "CreateSession", { members: { userName: "bob" } });
  assert.deepEqual(Object.keys(made), ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "UserName"]);
  assert.match(made.AccessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.match(made.SessionToken, /^[A-Za-z0-9+/]{80}$/);
  const life = Date.parse(made.Expiration) - systemNow().getTime();
  assert.ok(Math.abs(life - 12 * 3600 * 1000) < 60_000, `${life}`);
  const key = await session();
  assert.equal((await list(key)).status, 200);
  await grant(server, "bob", [deny("glacier:*"), allow("*")]);
  assert.equal((await list(key)).status, 403);
  await grant(server, "bob", [allow("*")]);
});

test("a wrong token, a missing one and a superfluous one are refused, and so is another session's", async () => {
  const [one, two] = [await session(), await session()];
  const { sessionToken, ...withoutToken } = one;
  const damaged = `${sessionToken[0] === "A" ? "B" : "A"}${sessionToken.slice(1)}`;
  for (const token of ["", damaged, `${sessionToken}A`, sessionToken.slice(1), two.sessionToken]) {
    const unsignedOrNot = { ...withoutToken, ...(token && { sessionToken: token }) };
    assertError(await list(unsignedOrNot), unknown);
  }
  const header = { headers: { "x-amz-security-token": "" }, method: "GET", path: "/-/vaults", signedAt: systemNow() };
  assertError(await server.client.send({ ...header, key: withoutToken }), unknown);
  assertError(await server.client.send(header), unknown);
  assertError(await list({ ...server.key, sessionToken }), unknown);
  assert.equal((await list(one)).status, 200);
});

test("a session ends when its time has come, by the system's clock and not by the one that tests move", async () => {
  const key = await session({ DurationSeconds: 900 });
  await demand(server, "AdvanceClock", { body: { Seconds: 3600 } });
  assert.equal((await list(key)).status, 200);
  skewMilliseconds += 899_000;
  assert.equal((await list(key)).status, 200);
  skewMilliseconds += 2000;
  assertError(await list(key), {
    status: 403,
    code: "ExpiredTokenException",
    message: "The security token included in the request is expired",
  });
  assertError(await list({ ...key, sessionToken: "x" }), unknown);
  skewMilliseconds = 0;
});

test("a session lasts from fifteen minutes to thirty-six hours", async () => {
  const create = (DurationSeconds: number) =>
    server.client.send({
      method: "POST",
      path: "/admin/users/bob/sessions",
      service: "moraine",
      headers: { "x-amz-glacier-version": undefined },
      body: JSON.stringify({ DurationSeconds }),
      signedAt: systemNow(),
    });
  for (const seconds of [900, 129_600]) {
    assert.equal((await create(seconds)).status, 201);
  }
  for (const seconds of [0, -900, 899, 129_601, 900.5, 1e300]) {
    assertError(await create(seconds), invalid(/^Invalid DurationSeconds: /));
  }
});

test("a session changes no accounts, users, keys or policies, whatever its user may do: they would outlive it", async () => {
  const key = await session();
  const members = { userName: "bob", policyName: "more", accessKeyId: key.accessKeyId, accountId: "999999999999" };
  const body = { Policy: policy(allow("*")), Status: "Active" };
  const changes = Object.entries(adminOperations).filter(
    ([, { method, path }]) => method !== "GET" && /^\/admin\/(accounts|users|access-keys)/.test(path),
  );
  const names = changes.map(([name]) => name);
  assert.deepEqual(names.sort(), [
    "CreateAccessKey",
    "CreateAccount",
    "CreateRootKey",
    "CreateSession",
    "CreateUser",
    "DeleteAccessKey",
    "DeleteAccount",
    "DeleteUser",
    "DeleteUserPolicy",
    "PutUserPolicy",
    "UpdateAccessKey",
  ]);
  for (const [name, { resource }] of changes) {
    assertError(await callAdmin(server, name as AdminOperationName, { members, body, key }), {
      status: 403,
      code: "AccessDeniedException",
      message: `User: ${userArn("bob")} is not authorized to perform: moraine:${name} on resource: ${resource === "any" ? "*" : userArn("bob")} because temporary credentials cannot change accounts, users, keys or policies`,
    });
  }
  await demand(server, "ListUsers", { key });
  await demand(server, "GetUserPolicy", { members: { userName: "bob", policyName: "granted" }, key });
});

test("a session ends with its user, and when its key is deleted, at once", async () => {
  await makeUser(server, "eve", [allow("glacier:*")]);
  const [one, two] = [await session({}, "eve"), await session({}, "eve")];
  assert.deepEqual([(await list(one)).status, (await list(two)).status], [200, 200]);
  await demand(server, "DeleteAccessKey", { members: { userName: "eve", accessKeyId: one.accessKeyId } });
  assertError(await list(one), unknown);
  assert.equal((await list(two)).status, 200);
  await demand(server, "DeleteUser", { members: { userName: "eve" } });
  assertError(await list(two), unknown);
  assertError(
    await callAdmin(server, "CreateSession", { members: { userName: "eve" } }),
    notFound("The user was not found: eve"),
  );
});

test("policies know a session by when it began, and that no second factor was given", async () => {
  await makeUser(server, "fay", [
    allow("glacier:ListVaults", "*", {
      Condition: { Null: { "aws:TokenIssueTime": "false" }, Bool: { "aws:MultiFactorAuthPresent": "false" } },
    }),
  ]);
  const key = await session({}, "fay");
  assert.equal((await list(key)).status, 200);
  const own = await demand<{ AccessKeyId: string; SecretAccessKey: string }>(server, "CreateAccessKey", {
    members: { userName: "fay" },
  });
  assert.equal((await list({ accessKeyId: own.AccessKeyId, secretAccessKey: own.SecretAccessKey })).status, 403);
});

test("the database and its neighbours hold no token", async () => {
  const { sessionToken, accessKeyId } = await session();
  const stored = await server.parts.metadata.findAccessKey(accessKeyId);
  assert.ok(stored?.session);
  assert.equal(stored.session.tokenHash.length, 32);
  const text = Buffer.concat([stored.session.tokenHash, stored.sealedSecret]).toString("latin1");
  assert.ok(!text.includes(sessionToken.slice(0, 20)));
});
