import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ListAccessKeysOutput, NewAccessKey } from "@moraine/protocol";
import { allow, callAdmin, credentialsOf, demand, makeUser } from "../support/admin.ts";
import { assertError, invalid, notFound } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const list = (key: Credentials) => server.client.send({ method: "GET", path: "/-/vaults", key });
const create = (members = {}) => callAdmin(server, "CreateAccessKey", { members });
const update = (members: Record<string, string>, Status: string) =>
  callAdmin(server, "UpdateAccessKey", { members, body: { Status } });
const remove = (members: Record<string, string>) => callAdmin(server, "DeleteAccessKey", { members });
const unknown = { status: 400, code: "UnrecognizedClientException", message: /security token/ };
const tooMany = { status: 400, code: "LimitExceededException", message: /^Too many active access keys/ };

test("a secret is shown when its key is made, and never again", async () => {
  await makeUser(server, "shown");
  const { SecretAccessKey, AccessKeyId } = await demand<NewAccessKey>(server, "CreateAccessKey", {
    members: { userName: "shown" },
  });
  assert.match(SecretAccessKey, /^[A-Za-z0-9+/]{40}$/);
  const answers = [
    await callAdmin(server, "ListAccessKeys", { members: { userName: "shown" } }),
    await update({ userName: "shown", accessKeyId: AccessKeyId }, "Active"),
    await callAdmin(server, "ListUsers"),
  ];
  assert.ok(answers.every(({ text, status }) => status < 300 && !text.includes(SecretAccessKey)));
});

test("a key that is disabled stops at once, and works again when it is enabled", async () => {
  const key = await makeUser(server, "bob", [allow("glacier:ListVaults")]);
  const members = { userName: "bob", accessKeyId: key.accessKeyId };
  assert.equal((await list(key)).status, 200);
  assert.equal((await update(members, "Inactive")).status, 204);
  assertError(await list(key), unknown);
  assert.equal((await update(members, "Inactive")).status, 204);
  assert.equal((await update(members, "Active")).status, 204);
  assert.equal((await list(key)).status, 200);
  assertError(await update(members, "active"), invalid("Invalid Status: active. It must be Active or Inactive"));
});

test("a key that is deleted stops at once, and is gone", async () => {
  const key = await makeUser(server, "carol", [allow("glacier:ListVaults")]);
  const members = { userName: "carol", accessKeyId: key.accessKeyId };
  assert.equal((await list(key)).status, 200);
  assert.equal((await remove(members)).status, 204);
  assertError(await list(key), unknown);
  const gone = notFound(`The access key was not found: ${key.accessKeyId}`);
  assertError(await remove(members), gone);
  assertError(await update(members, "Active"), gone);
});

test("a user has two active keys at most; a third may wait for one to be disabled", async () => {
  const first = await makeUser(server, "dave");
  const userName = "dave";
  assert.equal((await create({ userName })).status, 201);
  assertError(await create({ userName }), tooMany);
  const members = { userName, accessKeyId: first.accessKeyId };
  await update(members, "Inactive");
  assert.equal((await create({ userName })).status, 201);
  assertError(await update(members, "Active"), tooMany);
  const pages: ListAccessKeysOutput[] = [];
  for (let marker: string | null = ""; marker !== null; marker = pages.at(-1)?.Marker ?? null) {
    pages.push(await demand(server, "ListAccessKeys", { members: { userName, limit: "1", marker } }));
  }
  const keys = pages.flatMap(({ AccessKeys }) => AccessKeys);
  assert.deepEqual(keys.map(({ Status }) => Status).sort(), ["Active", "Active", "Inactive"]);
  assert.deepEqual(Object.keys(keys[0] ?? {}), ["AccessKeyId", "CreationDate", "Status", "UserName"]);
  assert.equal(new Set(keys.map(({ AccessKeyId }) => AccessKeyId)).size, 3);
});

test("a key is reached only by the name of its own user", async () => {
  const key = await makeUser(server, "erin");
  const gone = notFound(`The access key was not found: ${key.accessKeyId}`);
  assertError(await remove({ userName: "dave", accessKeyId: key.accessKeyId }), gone);
  assertError(await remove({ accessKeyId: key.accessKeyId }), gone);
  assertError(
    await remove({ userName: "erin", accessKeyId: server.key.accessKeyId }),
    notFound(`The access key was not found: ${server.key.accessKeyId}`),
  );
  assertError(await create({ userName: "nobody" }), notFound("The user was not found: nobody"));
  assertError(
    await callAdmin(server, "ListAccessKeys", { members: { userName: "nobody" } }),
    notFound("The user was not found: nobody"),
  );
});

test("a marker that no list of keys has given is refused", async () => {
  for (const marker of ["x", Buffer.from("x y").toString("base64url"), Buffer.from("1 a b").toString("base64url")]) {
    assertError(await callAdmin(server, "ListAccessKeys", { members: { marker } }), invalid(/^Invalid marker: /));
  }
});

test("the root changes its own key without a gap, and its last way in stays", async () => {
  const { AccessKeyId: first } = (await demand<ListAccessKeysOutput>(server, "ListAccessKeys")).AccessKeys[0] as {
    AccessKeyId: string;
  };
  const last = invalid(`The last active key of an account's root stays: ${first}; make another first`);
  assertError(await remove({ accessKeyId: first }), last);
  assertError(await update({ accessKeyId: first }, "Inactive"), last);
  const second = credentialsOf(await demand<NewAccessKey>(server, "CreateAccessKey"));
  assertError(await create(), tooMany);
  const as = { key: second };
  await demand(server, "DeleteAccessKey", { ...as, members: { accessKeyId: first } });
  assertError(await list(server.key), unknown);
  assert.equal((await list(second)).status, 200);
});
