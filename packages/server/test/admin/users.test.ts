import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ListUsersOutput, UserDescription } from "@moraine/protocol";
import { allow, callAdmin, demand, makeUser } from "../support/admin.ts";
import { assertError, invalid, notFound } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const create = (userName: string) => callAdmin(server, "CreateUser", { members: { userName } });

test("a new user has an id of its own, an ARN, and no permission", async () => {
  const answer = await create("bob");
  assert.deepEqual(Object.keys(answer.json<object>()), ["Arn", "CreationDate", "UserId", "UserName"]);
  const bob = answer.json<UserDescription>();
  assert.match(bob.UserId, /^AIDA[A-Z2-7]{17}$/);
  assert.equal(bob.Arn, "arn:aws:iam::012345678901:user/bob");
  assertError(await create("bob"), invalid("The user exists already: bob"));
});

test("names have letters, digits and some marks, up to 64, and keep their case", async () => {
  for (const name of ["a", "A", "_+=,.@-9", "x".repeat(64)]) {
    assert.equal((await create(name)).status, 201, name);
  }
  for (const name of ["x".repeat(65), "a b", "a/b", "é", "a:b", "*", "a%"]) {
    assertError(
      await create(name),
      invalid(`Invalid user name: ${name}. It must be 1 to 64 letters, digits or _+=,.@-`),
    );
  }
});

test("users are listed by name, page after page", async () => {
  for (const name of ["list-b", "list-a", "list-c"]) {
    await create(name);
  }
  const seen: string[] = [];
  let marker: string | null = "";
  while (marker !== null) {
    const page: ListUsersOutput = await demand(server, "ListUsers", { members: { limit: "2", marker } });
    seen.push(...page.Users.map(({ UserName }) => UserName));
    marker = page.Marker;
  }
  assert.deepEqual(seen, [...seen].sort());
  assert.deepEqual(
    seen.filter((name) => name.startsWith("list-")),
    ["list-a", "list-b", "list-c"],
  );
});

test("a user that is deleted can no longer sign, at once, and one of the same name inherits nothing", async () => {
  const key = await makeUser(server, "eve", [allow("glacier:*")]);
  const list = (credentials = key) => server.client.send({ method: "GET", path: "/-/vaults", key: credentials });
  assert.equal((await list()).status, 200);
  const remove = () => callAdmin(server, "DeleteUser", { members: { userName: "eve" } });
  assert.equal((await remove()).status, 204);
  assertError(await list(), { status: 400, code: "UnrecognizedClientException", message: /security token/ });
  assertError(await remove(), notFound("The user was not found: eve"));
  const next = await makeUser(server, "eve");
  assert.equal((await list(next)).status, 403);
  assert.equal((await list()).status, 400);
});
