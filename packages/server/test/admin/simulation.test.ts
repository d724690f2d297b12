import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { SimulatePolicyOutput } from "@moraine/protocol";
import { allow, callAdmin, demand, deny, grant, makeUser, policy, userArn } from "../support/admin.ts";
import {
  arn,
  assertError,
  createVault,
  invalid,
  missing,
  notFound,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

let server: TestServer;
let bob: Credentials;
before(async () => {
  server = await startTestServer();
  bob = await makeUser(server, "bob");
  await createVault(server, "photos");
});
after(() => server.stop());

const simulate = (body: object): Promise<SimulatePolicyOutput> => demand(server, "SimulatePolicy", { body });
const refused = (body: object) => callAdmin(server, "SimulatePolicy", { body });
const setAccessPolicy = (...statements: object[]) =>
  server.client.send({
    method: "PUT",
    path: `${vaultPath("photos")}/access-policy`,
    body: JSON.stringify({ Policy: policy(...statements) }),
  });

test("it says which statement allows, and what a refusal would say", async () => {
  await grant(server, "bob", [
    allow("glacier:List*", "*", { Sid: "Lists" }),
    allow("glacier:DescribeVault", arn("photos")),
  ]);
  assert.deepEqual(await simulate({ UserName: "bob", Action: "glacier:DescribeVault", VaultName: "photos" }), {
    Allowed: true,
    Message: null,
    Reason: "allow",
    Source: "identity",
    Statements: [{ Effect: "Allow", Index: 1, Policy: "granted", Sid: null }],
  });
  const refusal = await simulate({ UserName: "bob", Action: "glacier:deletevault", VaultName: "photos" });
  assert.deepEqual(refusal, {
    Allowed: false,
    Message: `User: ${userArn("bob")} is not authorized to perform: glacier:DeleteVault on resource: ${arn("photos")} because no identity-based policy allows the glacier:DeleteVault action`,
    Reason: "implicit-deny",
    Source: "identity",
    Statements: [],
  });
  const asked = await server.client.send({ method: "DELETE", path: vaultPath("photos"), key: bob });
  assert.equal(asked.json<{ message: string }>().message, refusal.Message);
});

test("it judges the vault's policies too, by name and place", async () => {
  await grant(server, "bob", [allow("glacier:*")]);
  await setAccessPolicy(
    allow("glacier:DescribeVault", arn("photos"), { Principal: "*" }),
    deny("glacier:DeleteVault", arn("photos"), { Principal: "*", Sid: "Keep" }),
  );
  const kept = await simulate({ UserName: "bob", Action: "glacier:DeleteVault", VaultName: "photos" });
  assert.deepEqual([kept.Allowed, kept.Reason, kept.Source], [false, "explicit-deny", "resource"]);
  assert.deepEqual(kept.Statements, [
    { Effect: "Allow", Index: 0, Policy: "granted", Sid: null },
    { Effect: "Deny", Index: 1, Policy: "vault access policy", Sid: "Keep" },
  ]);
  assert.equal((await simulate({ UserName: "bob", Action: "glacier:DeleteVault", VaultName: "other" })).Allowed, true);
  assert.equal((await simulate({ Action: "glacier:DeleteVault", VaultName: "photos" })).Reason, "explicit-deny");
  assert.deepEqual((await simulate({ Action: "glacier:DescribeVault", VaultName: "photos" })).Reason, "owner-root");
});

test("it takes what the request would be like, over what is so now", async () => {
  await setAccessPolicy(allow("glacier:DescribeVault", arn("photos"), { Principal: "*" }));
  const Condition = {
    NumericGreaterThan: { "glacier:ArchiveAgeInDays": "30" },
    IpAddress: { "aws:SourceIp": "192.0.2.0/24" },
  };
  await grant(server, "bob", [allow("glacier:DeleteArchive", "*", { Condition })]);
  const asked = { UserName: "bob", Action: "glacier:DeleteArchive", VaultName: "photos" };
  assert.equal((await simulate(asked)).Allowed, false);
  const Context = { "Glacier:archiveageindays": ["31"], "aws:SourceIp": ["192.0.2.9"] };
  assert.equal((await simulate({ ...asked, Context })).Allowed, true);
  assert.equal((await simulate({ ...asked, Context: { ...Context, "aws:SourceIp": ["192.0.3.9"] } })).Allowed, false);
});

test("it agrees with what then happens", async () => {
  const archiveId = await uploadArchive(server, "photos", Buffer.from("bytes"));
  server.clock.advance(40 * dayMilliseconds);
  const Condition = { NumericGreaterThan: { "glacier:ArchiveAgeInDays": "30" } };
  await grant(server, "bob", [allow("glacier:DeleteArchive", "*", { Condition })]);
  const foretold = await simulate({
    UserName: "bob",
    Action: "glacier:DeleteArchive",
    VaultName: "photos",
    Context: { "glacier:ArchiveAgeInDays": ["40"] },
  });
  const path = `${vaultPath("photos")}/archives/${archiveId}`;
  assert.equal((await server.client.send({ method: "DELETE", path, key: bob })).status === 204, foretold.Allowed);
});

test("actions of the admin API are judged on the ARN that is given, or on everything", async () => {
  await grant(server, "bob", [allow("moraine:CreateUser", userArn("team-*"))]);
  const on = (Resource?: string) => simulate({ UserName: "bob", Action: "moraine:CreateUser", Resource });
  assert.equal((await on(userArn("team-a"))).Allowed, true);
  assert.equal((await on(userArn("other"))).Allowed, false);
  assert.equal((await on()).Allowed, false);
});

test("actions of an account need no vault", async () => {
  await grant(server, "bob", [
    allow("glacier:ListVaults"),
    allow("glacier:GetDataRetrievalPolicy", "arn:aws:glacier:*:*:policies/*"),
  ]);
  assert.equal((await simulate({ UserName: "bob", Action: "glacier:ListVaults" })).Allowed, true);
  assert.equal((await simulate({ UserName: "bob", Action: "glacier:GetDataRetrievalPolicy" })).Allowed, true);
  assert.equal((await simulate({ UserName: "bob", Action: "glacier:SetDataRetrievalPolicy" })).Allowed, false);
});

test("a question that cannot be answered is refused", async () => {
  assertError(await refused({}), missing("Action"));
  assertError(await refused({ Action: "glacier:DeleteVault" }), missing("VaultName"));
  for (const Action of ["glacier:*", "glacier:Nonsense", "s3:GetObject", "DeleteVault", ""]) {
    assertError(await refused({ Action, VaultName: "photos" }), invalid(/^Invalid Action: /));
  }
  assertError(await refused({ Action: "moraine:CreateUser", VaultName: "photos" }), invalid(/^VaultName goes with/));
  assertError(await refused({ Action: "glacier:ListVaults", Resource: "*" }), invalid(/^VaultName goes with/));
  assertError(
    await refused({ Action: "glacier:ListVaults", UserName: "nobody" }),
    notFound("The user was not found: nobody"),
  );
  assertError(await refused({ Action: "glacier:ListVaults", Context: { a: "b" } }), {
    status: 400,
    code: "SerializationException",
    message: /^The request body is not of the right shape: Context/,
  });
});
