import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { CreateAccountOutput, ListAccountsOutput, ListNotificationsOutput, NewAccessKey } from "@moraine/protocol";
import {
  allow,
  callAdmin,
  credentialsOf,
  demand,
  grant,
  makeAccount,
  makeUser,
  otherAccountId,
} from "../support/admin.ts";
import { assertError, invalid, notFound } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const vaultsOf = (key: Credentials, method = "GET", path = "/-/vaults") => server.client.send({ method, path, key });
const unknownKey = { status: 400, code: "UnrecognizedClientException", message: /security token/ };

test("a new account has a root that may do everything in it, and an id of twelve digits if none is given", async () => {
  const made = await demand<CreateAccountOutput>(server, "CreateAccount", { body: {} });
  assert.deepEqual(Object.keys(made), ["AccessKey", "AccountId", "CreationDate"]);
  assert.match(made.AccountId, /^[1-9][0-9]{11}$/);
  assert.match(made.AccessKey.AccessKeyId, /^AKIA[A-Z2-7]{16}$/);
  assert.match(made.AccessKey.SecretAccessKey, /^[A-Za-z0-9+/]{40}$/);
  assert.equal(made.AccessKey.UserName, null);
  assert.equal(made.CreationDate, "2026-03-04T05:06:07.089Z");
  const root = credentialsOf(made.AccessKey);
  const created = await vaultsOf(root, "PUT", "/-/vaults/mine");
  assert.equal(created.headers["location"], `/${made.AccountId}/vaults/mine`);
  assert.equal((await vaultsOf(root, "DELETE", "/-/vaults/mine")).status, 204);
});

test("an account is made once, and only under twelve digits", async () => {
  await makeAccount(server, "222222222222");
  const make = (AccountId: string) => callAdmin(server, "CreateAccount", { body: { AccountId } });
  assertError(await make("222222222222"), invalid("The account exists already: 222222222222"));
  assertError(await make(accountId), invalid(`The account exists already: ${accountId}`));
  for (const id of ["", "12345", "1234-5678-9012", "abcdefghijkl", "1234567890123"]) {
    assertError(await make(id), invalid(`Invalid account ID: ${id}. It must be 12 digits`));
  }
});

test("accounts are listed by id, page after page", async () => {
  const ids = ["300000000001", "300000000002", "300000000003"];
  for (const id of ids) {
    await makeAccount(server, id);
  }
  const seen: string[] = [];
  let marker: string | null = "";
  while (marker !== null) {
    const page: ListAccountsOutput = await demand(server, "ListAccounts", { members: { limit: "2", marker } });
    assert.ok(page.Accounts.length <= 2);
    seen.push(...page.Accounts.map(({ AccountId }) => AccountId));
    marker = page.Marker;
  }
  assert.deepEqual(seen, [...seen].sort());
  assert.ok([accountId, ...ids].every((id) => seen.includes(id)));
});

test("an account stays while it has a vault, and goes with its users, keys and policies", async () => {
  const root = await makeAccount(server, "444444444444");
  const user = await makeUser(server, "bob", [{ Effect: "Allow", Action: "glacier:*", Resource: "*" }], root);
  assert.equal((await vaultsOf(user, "PUT", "/-/vaults/mine")).status, 201);
  const remove = () => callAdmin(server, "DeleteAccount", { members: { accountId: "444444444444" } });
  assertError(await remove(), invalid("The account has vaults, and stays while it has: 444444444444"));
  assert.equal((await vaultsOf(user)).status, 200);
  assert.equal((await vaultsOf(user, "DELETE", "/-/vaults/mine")).status, 204);
  assert.equal((await remove()).status, 204);
  assertError(await vaultsOf(root), unknownKey);
  assertError(await vaultsOf(user), unknownKey);
  assertError(await remove(), notFound("The account was not found: 444444444444"));
});

test("the operator's own account stays, and what is no id is no account", async () => {
  const remove = (id: string) => callAdmin(server, "DeleteAccount", { members: { accountId: id } });
  assertError(await remove(accountId), invalid(`The account is the operator's, and stays: ${accountId}`));
  assertError(await remove("nonsense"), notFound("The account was not found: nonsense"));
});

test("a root that has lost its keys gets another from the operator", async () => {
  const root = await makeAccount(server, otherAccountId);
  const members = { accountId: otherAccountId };
  const made = await demand<NewAccessKey>(server, "CreateRootKey", { members });
  for (const key of [root, credentialsOf(made)]) {
    assert.equal((await vaultsOf(key)).status, 200);
  }
  assertError(await callAdmin(server, "CreateRootKey", { members }), {
    status: 400,
    code: "LimitExceededException",
    message: "Too many active access keys for this user, which may have 2",
  });
  const nowhere = { members: { accountId: "555555555555" } };
  assertError(await callAdmin(server, "CreateRootKey", nowhere), notFound("The account was not found: 555555555555"));
});

test("a user of the operator's account may make keys for other roots, and never for its own", async () => {
  await makeAccount(server, "777777777777");
  const key = await makeUser(server, "helper", [allow("moraine:*")]);
  const make = (account: string) => callAdmin(server, "CreateRootKey", { members: { accountId: account }, key });
  assertError(await make(accountId), {
    status: 403,
    code: "AccessDeniedException",
    message: "Only the root of the operator's account may make an access key for that root",
  });
  assert.equal((await make("777777777777")).status, 201);
  await demand(server, "CreateRootKey", { members: { accountId } });
});

test("an account that is made again under its old id sees no messages about the vaults that it had", async () => {
  const messages = async (key: Credentials) =>
    (await demand<ListNotificationsOutput>(server, "ListNotifications", { key })).Notifications.length;
  const root = await makeAccount(server, "888888888888");
  await vaultsOf(root, "PUT", "/-/vaults/mine");
  const body = JSON.stringify({ Type: "inventory-retrieval", SNSTopic: "arn:aws:sns:us-east-1:888888888888:done" });
  const job = await server.client.send({ method: "POST", path: "/-/vaults/mine/jobs", key: root, body });
  assert.equal(job.status, 202);
  while ((await messages(root)) === 0) {
    await setTimeout(10);
  }
  await vaultsOf(root, "DELETE", "/-/vaults/mine");
  await demand(server, "DeleteAccount", { members: { accountId: "888888888888" } });
  assert.equal(await messages(await makeAccount(server, "888888888888")), 0);
});

test("users of the same name in two accounts are two, and a root sees only its own", async () => {
  const root = await makeAccount(server, "666666666666");
  const ours = await makeUser(server, "twin");
  const theirs = await makeUser(server, "twin", [], root);
  await grant(server, "twin", [{ Effect: "Allow", Action: "glacier:*", Resource: "*" }], root);
  assert.equal((await vaultsOf(theirs)).status, 200);
  assert.equal((await vaultsOf(ours)).status, 403);
  await demand(server, "DeleteUser", { members: { userName: "twin" } });
  assert.equal((await vaultsOf(theirs)).status, 200);
  const { Users } = await demand<{ Users: { Arn: string }[] }>(server, "ListUsers", { key: root });
  assert.deepEqual(
    Users.map(({ Arn }) => Arn),
    ["arn:aws:iam::666666666666:user/twin"],
  );
});
