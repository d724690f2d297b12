import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AdminOperation, type AdminOperationName, adminOperations } from "@moraine/protocol";
import {
  adminRequest,
  allow,
  callAdmin,
  deniedAdmin,
  grant,
  makeAccount,
  makeUser,
  otherAccountId,
  rootArn,
  userArn,
} from "../support/admin.ts";
import { assertError, invalid, missing } from "../support/glacier.ts";
import { accountId, region, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

// Access to the admin API: the tests walk every route of its table, and so those that are added to it.

let server: TestServer;
let other: Credentials;
let nobody: Credentials;
let untouched: string;
before(async () => {
  server = await startTestServer();
  other = await makeAccount(server);
  nobody = await makeUser(server, "nobody");
  untouched = await everything();
});
after(() => server.stop());

const routes = Object.entries<AdminOperation>(adminOperations).map(([name, operation]) => ({
  name: name as AdminOperationName,
  operation,
}));
const bodies: Partial<Record<AdminOperationName, object>> = {
  UpdateAccessKey: { Status: "Inactive" },
  PutUserPolicy: { Policy: "{}" },
  SimulatePolicy: { Action: "glacier:ListVaults" },
  AdvanceClock: { Seconds: 3600 },
};
/** A request that is right in itself; most are about the user `nobody`. */
const requestOf = (name: AdminOperationName, key?: Credentials) =>
  adminRequest(name, {
    members: {
      userName: "nobody",
      accountId: otherAccountId,
      accessKeyId: nobody.accessKeyId,
      policyName: "p",
      messageId: "m",
    },
    ...(bodies[name] && { body: bodies[name] }),
    ...(key && { key }),
  });

test("the table has the operations that are promised, each on a path below /admin/", () => {
  assert.equal(routes.length, 32);
  assert.ok(routes.every(({ operation }) => operation.path.startsWith("/admin/")));
});

describe("a request without the right signature", () => {
  for (const { name } of routes) {
    test(`${name} is refused, whatever is wrong with it`, async () => {
      const request = requestOf(name);
      const refused = async (options: object, code: string) => {
        const answer = await server.client.send({ ...request, ...options });
        assert.equal(answer.json<{ code: string }>().code, code, answer.text);
      };
      await refused({ key: null }, "MissingAuthenticationTokenException");
      await refused({ service: "glacier" }, "InvalidSignatureException");
      await refused({ service: "iam" }, "InvalidSignatureException");
      await refused({ region: "eu-west-1" }, "InvalidSignatureException");
      await refused({ key: { ...server.key, secretAccessKey: "x".repeat(40) } }, "InvalidSignatureException");
      await refused({ key: { ...server.key, accessKeyId: "AKIAUNKNOWN000000000" } }, "UnrecognizedClientException");
      await refused({ key: { ...server.key, sessionToken: "x" } }, "UnrecognizedClientException");
      await refused({ signedAt: new Date(Date.now() - 600_000) }, "InvalidSignatureException");
      await refused({ unsignedHeaders: { "x-amz-target": "x" } }, "InvalidSignatureException");
      await refused({ unsignedHeaders: { "x-amz-content-sha256": "0".repeat(64) } }, "InvalidSignatureException");
    });
  }

  test("a signature for the admin API does not open the vault API", async () => {
    assertError(await server.client.send({ method: "GET", path: "/-/vaults", service: "moraine" }), {
      status: 403,
      code: "InvalidSignatureException",
      message: "Credential should be scoped to correct service: 'glacier'. ",
    });
  });

  test("a body that is not what was signed is refused", async () => {
    const body = JSON.stringify({ Seconds: 1 });
    const request = { ...adminRequest("AdvanceClock", { body }) };
    const answer = await server.client.send({
      ...request,
      headers: { ...request.headers, "x-amz-content-sha256": "f".repeat(64) },
    });
    assertError(answer, {
      status: 403,
      code: "InvalidSignatureException",
      message: /does not match the computed payload hash/,
    });
  });

  test("no path outside the table is served", async () => {
    for (const path of [
      "/admin/",
      "/admin/users/",
      "/admin/nothing",
      "/admin/users/a/b",
      "/admin/../admin/users",
      "/admin//users",
    ]) {
      assertError(await server.client.send({ method: "GET", path, service: "moraine" }), {
        status: 400,
        code: "BadRequest",
        message: /^(No operation|The path)/,
      });
    }
  });
});

describe("without a permission", () => {
  for (const { name, operation } of routes) {
    const resource = operation.resource === "principal" ? userArn("nobody") : "*";

    test(`${name} is denied to a user, before anything is looked up`, async () => {
      assertError(await server.client.send(requestOf(name, nobody)), deniedAdmin(userArn("nobody"), name, resource));
    });
  }

  for (const { name, operation } of routes.filter(({ operation }) => operation.scope === "service")) {
    test(`${name} is denied to the root of any account but the operator's`, async () => {
      assertError(await server.client.send(requestOf(name, other)), {
        status: 403,
        code: "AccessDeniedException",
        message: `User: ${rootArn(otherAccountId)} is not authorized to perform: moraine:${name} on resource: * because only principals of the operator's account may`,
      });
      assert.equal(operation.resource, "any");
    });
  }

  test("after all that, nothing has changed", async () => {
    assert.equal(await everything(), untouched);
  });
});

describe("a caller with a permission", () => {
  test("a user may do just what it names, to just those users it names", async () => {
    const carol = await makeUser(server, "carol", [
      allow(["moraine:CreateUser", "moraine:GetUserPolicy"], [userArn("team-*")]),
      allow("moraine:ListUsers"),
    ]);
    const as = { key: carol };
    assert.equal((await callAdmin(server, "CreateUser", { ...as, members: { userName: "team-a" } })).status, 201);
    assert.equal((await callAdmin(server, "ListUsers", as)).status, 200);
    assertError(
      await callAdmin(server, "CreateUser", { ...as, members: { userName: "team" } }),
      deniedAdmin(userArn("carol"), "CreateUser", userArn("team")),
    );
    assertError(
      await callAdmin(server, "DeleteUser", { ...as, members: { userName: "team-a" } }),
      deniedAdmin(userArn("carol"), "DeleteUser", userArn("team-a")),
    );
  });

  test("a user of the operator's account may be let move the clock, and a Deny of its own wins", async () => {
    const dave = await makeUser(server, "dave", [allow("moraine:*")]);
    assert.equal((await callAdmin(server, "GetClock", { key: dave })).status, 200);
    await grant(server, "dave", [allow("moraine:*"), { Effect: "Deny", Action: "moraine:*Clock", Resource: "*" }]);
    assertError(await callAdmin(server, "GetClock", { key: dave }), {
      status: 403,
      code: "AccessDeniedException",
      message: `User: ${userArn("dave")} is not authorized to perform: moraine:GetClock on resource: * with an explicit deny in an identity-based policy`,
    });
    assert.equal((await callAdmin(server, "GetHealth", { key: dave })).status, 200);
  });

  test("the root's keys are for the root alone, whatever a user's policy says", async () => {
    const erin = await makeUser(server, "erin", [allow("*")]);
    const rootsOwn = { status: 403, code: "AccessDeniedException", message: /^Only the account's root may see/ };
    assertError(await callAdmin(server, "CreateAccessKey", { key: erin }), rootsOwn);
    assertError(await callAdmin(server, "ListAccessKeys", { key: erin }), rootsOwn);
    const members = { accessKeyId: server.key.accessKeyId };
    assertError(await callAdmin(server, "DeleteAccessKey", { key: erin, members }), rootsOwn);
    const body = { Status: "Inactive" };
    assertError(await callAdmin(server, "UpdateAccessKey", { key: erin, members, body }), rootsOwn);
  });
});

describe("the input of a request", () => {
  test("is read strictly: nothing unknown, nothing twice, nothing of another type", async () => {
    const send = (body: unknown) => callAdmin(server, "AdvanceClock", { body });
    assertError(await send({ Seconds: 1, Minutes: 1 }), invalid("Unknown field: Minutes"));
    assertError(await send('{"Seconds":1,"Seconds":2}'), {
      status: 400,
      code: "SerializationException",
      message: /stands twice/,
    });
    assertError(await send({ Seconds: "1" }), {
      status: 400,
      code: "SerializationException",
      message: /^The request body is not of the right shape: Seconds/,
    });
    assertError(await send("[]"), { status: 400, code: "SerializationException", message: /must be a JSON object/ });
    assertError(
      await callAdmin(server, "PutUserPolicy", {
        members: { userName: "nobody", policyName: "p", messageId: "m" },
        body: {},
      }),
      missing("Policy"),
    );
    const surplus = { ...adminRequest("ListUsers"), body: '{"a":1}' };
    assertError(await server.client.send(surplus), invalid("Unknown field: a"));
    for (const query of ["?userName=a", "?Limit=1"]) {
      const request = adminRequest("ListUsers");
      assertError(
        await server.client.send({ ...request, path: request.path + query }),
        invalid(/^Unknown or repeated query parameter: /),
      );
    }
    for (const limit of ["0", "-1", "x", ""]) {
      assertError(await callAdmin(server, "ListUsers", { members: { limit } }), invalid(`Invalid limit: ${limit}`));
    }
    for (const marker of ["*", "YQ==", "é"]) {
      assertError(await callAdmin(server, "ListUsers", { members: { marker } }), invalid(`Invalid marker: ${marker}`));
    }
  });
});

/** All accounts, users and keys that there are, as the operator sees them, and the clock. */
async function everything(): Promise<string> {
  const { metadata } = server.parts;
  const keys = ["nobody", null].map(async (userName) => {
    const user = userName === null ? null : await metadata.findUser({ accountId, userName });
    return metadata.listAccessKeys({ accountId, userId: user?.id ?? null, after: null, limit: 100 });
  });
  return JSON.stringify([
    await metadata.listAccounts({ afterId: null, limit: 100 }),
    await metadata.listUsers({ accountId, afterName: null, limit: 100 }),
    (await Promise.all(keys)).flat().map(({ accessKeyId, active }) => [accessKeyId, active]),
    server.clock.now(),
    region,
  ]);
}
