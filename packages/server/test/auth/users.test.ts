import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Operation, type OperationName, operations } from "@moraine/protocol";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import { allow, deny, grant, makeUser, policy, userArn } from "../support/admin.ts";
import { arn, assertError, createVault, eventually, uploadArchive, vaultPath } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials, WireAnswer } from "../support/signed-request.ts";
import { pathValues, routeRequests } from "./route-drafts.ts";

// Permissions of users in their own account.

let server: TestServer;
let bob: Credentials;
before(async () => {
  server = await startTestServer();
  bob = await makeUser(server, "bob");
  await createVault(server, "photos");
});
after(() => server.stop());

const resources: Partial<Record<OperationName, string>> = {
  ListVaults: arn(""),
  ListProvisionedCapacity: "*",
  PurchaseProvisionedCapacity: "*",
  GetDataRetrievalPolicy: `arn:aws:glacier:us-east-1:${accountId}:policies/retrieval-limit-policy`,
  SetDataRetrievalPolicy: `arn:aws:glacier:us-east-1:${accountId}:policies/retrieval-limit-policy`,
};
const denied = (name: string, resource: string, why?: string, who = "bob") => ({
  status: 403,
  code: "AccessDeniedException",
  message: `User: ${userArn(who)} is not authorized to perform: glacier:${name} on resource: ${resource} ${why ?? `because no identity-based policy allows the glacier:${name} action`}`,
});
const send = (method: string, path: string, key = bob, headers = {}): Promise<WireAnswer> =>
  server.client.send({ method, path, key, headers });
const describeVault = (vault = "photos", key = bob) => send("GET", vaultPath(vault), key);

describe("a user without a permission", () => {
  const all = (vaultName: string) => routeRequests({ ...pathValues, vaultName });
  for (const [index, { name, method, headers, body, path }] of all("photos").entries()) {
    test(`is denied ${name}, in the same words whether or not the vault is there`, async () => {
      const request = { method, headers, key: bob, ...(body === "" ? {} : { body }) };
      assertError(await server.client.send({ ...request, path }), denied(name, resources[name] ?? arn("photos")));
      const nowhere = all("nowhere")[index]?.path ?? "";
      assertError(
        await server.client.send({ ...request, path: nowhere }),
        denied(name, resources[name] ?? arn("nowhere")),
      );
    });
  }

  test("is denied before its request is read in earnest", async () => {
    assertError(await send("GET", `${vaultPath("photos")}/jobs?limit=0`), denied("ListJobs", arn("photos")));
    const nonsense = { method: "POST", path: `${vaultPath("photos")}/jobs`, body: "{", key: bob };
    assertError(await server.client.send(nonsense), denied("InitiateJob", arn("photos")));
  });
});

test("every operation is allowed by its own name, and by no other's", async () => {
  const names = Object.keys(operations) as OperationName[];
  const carol = await makeUser(server, "carol");
  for (const { name, method, headers, body, path } of routeRequests({ ...pathValues, vaultName: "walked" })) {
    const request = { method, path, headers, key: carol, ...(body === "" ? {} : { body }) };
    const others = names.filter((other) => other !== name).map((other) => `glacier:${other}`);
    await grant(server, "carol", [allow(others)]);
    assertError(await server.client.send(request), denied(name, resources[name] ?? arn("walked"), undefined, "carol"));
    await grant(server, "carol", [allow(`glacier:${name}`)]);
    const answer = await server.client.send(request);
    assert.notEqual(answer.status, 403, `${name}: ${answer.text}`);
    assert.ok(answer.status < 500, answer.text);
  }
});

test("a permission is for the resources that it names", async () => {
  await grant(server, "bob", [allow("glacier:*", [arn("photos"), arn("team-*")])]);
  assert.equal((await describeVault()).status, 200);
  assert.equal((await describeVault("team-a")).status, 404);
  assertError(await describeVault("films"), denied("DescribeVault", arn("films")));
  assert.equal((await send("PUT", vaultPath("team-b"))).status, 201);
  assertError(await send("PUT", vaultPath("films")), denied("CreateVault", arn("films")));
  // Lists are of no one resource, so only `*` allows them.
  assertError(await send("GET", "/-/vaults"), denied("ListVaults", arn("")));
  assertError(await send("GET", "/-/provisioned-capacity"), denied("ListProvisionedCapacity", "*"));
});

test("a Deny wins, wherever it stands and in whatever order", async () => {
  await grant(server, "bob", [deny("glacier:Describe*"), allow("glacier:*")]);
  const explicit = denied("DescribeVault", arn("photos"), "with an explicit deny in an identity-based policy");
  assertError(await describeVault(), explicit);
  await grant(server, "bob", [allow("glacier:*")]);
  assert.equal((await describeVault()).status, 200);
  await setAccessPolicy(deny("glacier:DescribeVault", arn("photos"), { Principal: { AWS: userArn("bob") } }));
  assertError(await describeVault(), {
    ...explicit,
    message: explicit.message.replace("an identity-based", "a resource-based"),
  });
  assert.equal((await describeVault("photos", server.key)).status, 200);
});

test("a vault's own policy lets a user in that has no other permission", async () => {
  await grant(server, "bob", [allow("glacier:ListVaults")]);
  await setAccessPolicy(allow("glacier:DescribeVault", arn("photos"), { Principal: { AWS: userArn("bob") } }));
  assert.equal((await describeVault()).status, 200);
  assertError(await send("GET", `${vaultPath("photos")}/tags`), denied("ListTagsForVault", arn("photos")));
  await setAccessPolicy(allow("glacier:DescribeVault", arn("photos"), { Principal: { AWS: userArn("eve") } }));
  assertError(await describeVault(), denied("DescribeVault", arn("photos")));
});

test("a vault's policy has no say in what is for identity policies alone", async () => {
  await grant(server, "bob", [allow("glacier:InitiateVaultLock")]);
  await setAccessPolicy(deny("glacier:*", arn("photos"), { Principal: "*" }));
  const initiate = () =>
    server.client.send({ method: "POST", path: `${vaultPath("photos")}/lock-policy`, body: "{}", key: bob });
  assert.equal((await initiate()).json<{ code: string }>().code, "MissingParameterValueException");
  await setAccessPolicyDirectly(policy(allow("glacier:*", arn("photos"), { Principal: "*" })));
  await grant(server, "bob", [allow("glacier:ListVaults")]);
  assertError(await initiate(), denied("InitiateVaultLock", arn("photos")));
});

describe("a condition", () => {
  const cases: Array<[what: string, condition: object, holds: boolean]> = [
    ["the address of the connection", { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } }, true],
    ["another address", { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } }, false],
    ["no TLS", { Bool: { "aws:SecureTransport": "false" } }, true],
    ["TLS", { Bool: { "aws:SecureTransport": "true" } }, false],
    ["the user agent", { StringLike: { "aws:UserAgent": "moraine-test/*" } }, true],
    ["the user's name", { StringEquals: { "aws:username": "bob" } }, true],
    ["the user's ARN", { ArnEquals: { "aws:PrincipalArn": userArn("bob") } }, true],
    ["the kind of principal", { StringEquals: { "aws:PrincipalType": "User" } }, true],
    ["both accounts", { StringEquals: { "aws:PrincipalAccount": accountId, "aws:ResourceAccount": accountId } }, true],
    ["the region", { StringEquals: { "aws:RequestedRegion": "us-east-1" } }, true],
    ["the service's time", { DateGreaterThan: { "aws:CurrentTime": "2026-03-04T00:00:00Z" } }, true],
    ["a later time", { DateGreaterThan: { "aws:CurrentTime": "2026-03-05T00:00:00Z" } }, false],
    ["the time in seconds", { NumericLessThan: { "aws:EpochTime": "1780000000" } }, true],
    [
      "no second factor, of a key that is no session's",
      { Null: { "aws:MultiFactorAuthPresent": "true", "aws:TokenIssueTime": "true" } },
      true,
    ],
    ["a tag of the vault", { StringEquals: { "glacier:ResourceTag/Team": "film" } }, true],
    ["another value of it", { StringEquals: { "glacier:ResourceTag/team": "music" } }, false],
    ["a tag that it has not", { Null: { "glacier:ResourceTag/owner": "true" } }, true],
    ["an archive's age, where there is no archive", { NumericGreaterThan: { "glacier:ArchiveAgeInDays": "0" } }, false],
  ];
  for (const [what, Condition, holds] of cases) {
    test(`${holds ? "holds" : "does not hold"} for ${what}`, async () => {
      await setTags();
      await grant(server, "bob", [allow("glacier:DescribeVault", "*", { Condition })]);
      const answer = await send("GET", vaultPath("photos"), bob, { "user-agent": "moraine-test/1.0" });
      assert.equal(answer.status, holds ? 200 : 403, answer.text);
    });
  }

  test("knows of a forwarded address only what the socket says", async () => {
    await grant(server, "bob", [allow("glacier:*", "*", { Condition: { IpAddress: { "aws:SourceIp": "10.0.0.1" } } })]);
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
      assert.equal((await send("GET", vaultPath("photos"), bob, { [name]: "10.0.0.1" })).status, 403);
    }
  });

  test("knows a user's id, which another user of the same name has not", async () => {
    const user = await server.parts.metadata.findUser({ accountId, userName: "bob" });
    const Condition = { StringEquals: { "aws:userid": user?.id } };
    await grant(server, "bob", [allow("glacier:DescribeVault", "*", { Condition })]);
    assert.equal((await describeVault()).status, 200);
  });

  test("puts the user's name in the place of a variable", async () => {
    await grant(server, "bob", [allow("glacier:CreateVault", arn(`${"$"}{aws:username}-*`))]);
    assert.equal((await send("PUT", vaultPath("bob-1"))).status, 201);
    assert.equal((await send("PUT", vaultPath("eve-1"))).status, 403);
  });
});

describe("a policy that cannot be understood when it is met", () => {
  test("denies, if it is the user's", async () => {
    await grant(server, "bob", [allow("glacier:*")]);
    const user = { accountId, userName: "bob" };
    for (const document of ["", "nonsense", "{}", policy(allow("glacier:*", "*", { Condition: { New: {} } }))]) {
      await server.parts.metadata.putUserPolicy({ user, policy: { policyName: "later", document } });
      const explicit = denied("DescribeVault", arn("photos"), "with an explicit deny in an identity-based policy");
      assertError(await describeVault(), explicit);
      assertError(await describeVault("nowhere"), {
        ...explicit,
        message: explicit.message.replace("photos", "nowhere"),
      });
    }
    await server.parts.metadata.removeUserPolicy({ user, policyName: "later" });
    assert.equal((await describeVault()).status, 200);
  });

  test("denies, if it is the vault's, also to the root", async () => {
    await setAccessPolicyDirectly("nonsense");
    const answer = await describeVault("photos", server.key);
    assertError(answer, {
      status: 403,
      code: "AccessDeniedException",
      message: `User: arn:aws:iam::${accountId}:root is not authorized to perform: glacier:DescribeVault on resource: ${arn("photos")} with an explicit deny in a resource-based policy`,
    });
    await setAccessPolicyDirectly(null);
  });
});

test("the age of an archive counts for deleting and retrieving it, by the day, wherever its id stands", async () => {
  await createVault(server, "old");
  const archiveId = await uploadArchive(server, "old", Buffer.from("old"));
  const Condition = { NumericGreaterThanEquals: { "glacier:ArchiveAgeInDays": "2" } };
  await grant(server, "bob", [allow(["glacier:DeleteArchive", "glacier:InitiateJob"], "*", { Condition })]);
  const job = (body: object) =>
    server.client.send({ method: "POST", path: `${vaultPath("old")}/jobs`, body: JSON.stringify(body), key: bob });
  const parameters = { Type: "archive-retrieval", ArchiveId: archiveId };
  const remove = () => send("DELETE", `${vaultPath("old")}/archives/${archiveId}`);
  const statuses = async () => [
    (await job(parameters)).status,
    (await job({ jobParameters: parameters })).status,
    (await job({ Type: "inventory-retrieval" })).status,
    (await job({ ...parameters, ArchiveId: `${archiveId.slice(1)}A` })).status,
  ];
  assert.deepEqual(await statuses(), [403, 403, 403, 403]);
  assert.equal((await remove()).status, 403);
  server.clock.advance(2 * 24 * 3600 * 1000 - 1);
  assert.equal((await remove()).status, 403);
  server.clock.advance(1);
  assert.deepEqual(await statuses(), [202, 202, 403, 403]);
  await eventually("the jobs are done", async () => (await remove()).status === 204);
});

test("the owner's root costs no query more than before, and a user one, on the way of the other", async (context) => {
  const { metadata } = server.parts;
  const calls: string[] = [];
  const counted = new Proxy(metadata, {
    get: (target, name: keyof typeof metadata) => {
      const method = target[name] as (input: unknown) => unknown;
      return (input: unknown) => {
        calls.push(name);
        return method(input);
      };
    },
  });
  const second = await startTestServer({ metadata: counted });
  context.after(() => second.stop());
  const seen = async (key: Credentials) => {
    await second.client.send({ method: "GET", path: vaultPath("photos"), key });
    calls.length = 0;
    await second.client.send({ method: "GET", path: vaultPath("photos"), key });
    return calls.filter((name) =>
      ["findVault", "userPolicies", "findAccessKey", "findUser", "findArchive"].includes(name),
    );
  };
  assert.deepEqual(await seen(second.key), ["findVault"]);
  assert.deepEqual(await seen(bob), ["findVault", "userPolicies"]);
});

async function setAccessPolicy(...statements: object[]): Promise<void> {
  const path = `${vaultPath("photos")}/access-policy`;
  await setAccessPolicyDirectly(null);
  const answer = await server.client.send({
    method: "PUT",
    path,
    body: JSON.stringify({ Policy: policy(...statements) }),
  });
  assert.equal(answer.status, 204, answer.text);
}

/** As one that an earlier version took might be found; and where a policy before would deny to change it. */
async function setAccessPolicyDirectly(document: string | null): Promise<void> {
  const key = { accountId, region: "us-east-1", vaultName: "photos" };
  const vault = await server.parts.metadata.findVault(key);
  assert.ok(vault);
  await server.parts.metadata.setAccessPolicy({ ...permittedBy(vault), policy: document });
}

async function setTags(): Promise<void> {
  await setAccessPolicyDirectly(null);
  const { method }: Operation = operations.AddTagsToVault;
  const path = `${vaultPath("photos")}/tags?operation=add`;
  const answer = await server.client.send({ method, path, body: JSON.stringify({ Tags: { team: "film" } }) });
  assert.equal(answer.status, 204, answer.text);
}
