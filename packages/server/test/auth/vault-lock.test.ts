import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessControl } from "../../src/auth/authorize.ts";
import { allow, demand, deny, makeUser, policy } from "../support/admin.ts";
import { arn, assertError, createVault, initiateUpload, uploadArchive, vaultPath } from "../support/glacier.ts";
import { accountId, dayMilliseconds, hourMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";
import { unmetered } from "../support/unmetered.ts";

// A Deny of a lock policy binds everyone, the account's root included.

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const send = (method: string, path: string, body?: object): Promise<WireAnswer> =>
  server.client.send({ method, path, ...(body && { body: JSON.stringify(body) }) });
const lockPath = (vault: string) => `${vaultPath(vault)}/lock-policy`;
const retention = (vault: string, days: number) =>
  policy(
    deny("glacier:DeleteArchive", arn(vault), {
      Principal: "*",
      Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": String(days) } },
    }),
  );
const deniedByLock = (name: string, vault: string) => ({
  status: 403,
  code: "AccessDeniedException",
  message: `User: arn:aws:iam::${accountId}:root is not authorized to perform: glacier:${name} on resource: ${arn(vault)} with an explicit deny in a resource-based policy`,
});

async function lock(vault: string, document: string, complete: boolean): Promise<void> {
  const initiated = await send("POST", lockPath(vault), { Policy: document });
  assert.equal(initiated.status, 201, initiated.text);
  if (complete) {
    assert.equal((await send("POST", `${lockPath(vault)}/${initiated.headers["x-amz-lock-id"]}`)).status, 204);
  }
}

async function vaultWithArchive(vault: string): Promise<() => Promise<WireAnswer>> {
  await createVault(server, vault);
  const archiveId = await uploadArchive(server, vault, Buffer.from(vault));
  return () => send("DELETE", `${vaultPath(vault)}/archives/${archiveId}`);
}

for (const complete of [false, true]) {
  test(`a lock that is ${complete ? "complete" : "in progress"} keeps an archive from the root until it is old enough`, async () => {
    const vault = complete ? "locked" : "on-trial";
    const remove = await vaultWithArchive(vault);
    await lock(vault, retention(vault, complete ? 365 : 1), complete);
    assertError(await remove(), deniedByLock("DeleteArchive", vault));
    await send("PUT", `${vaultPath(vault)}/access-policy`, {
      Policy: policy(allow("glacier:*", arn(vault), { Principal: "*" })),
    });
    assertError(await remove(), deniedByLock("DeleteArchive", vault));
    server.clock.advance((complete ? 365 : 1) * dayMilliseconds - hourMilliseconds);
    assertError(await remove(), deniedByLock("DeleteArchive", vault));
    server.clock.advance(hourMilliseconds);
    assert.equal((await remove()).status, 204);
  });
}

test("a lock on trial whose day has passed denies no more, and neither does one that was aborted", async () => {
  for (const end of ["expired", "aborted"]) {
    const remove = await vaultWithArchive(end);
    await lock(end, retention(end, 365), false);
    assertError(await remove(), deniedByLock("DeleteArchive", end));
    if (end === "aborted") {
      assert.equal((await send("DELETE", lockPath(end))).status, 204);
    } else {
      server.clock.advance(dayMilliseconds);
    }
    assert.equal((await remove()).status, 204);
  }
});

test("a lock on trial denies to its last millisecond, and not beyond it, whether or not its row has been cleared", async () => {
  await createVault(server, "timed");
  const key = { accountId, region: "us-east-1", vaultName: "timed" };
  const vault = await server.parts.metadata.findVault(key);
  assert.ok(vault);
  const expiresAt = 1000;
  const lock = { state: "in_progress", lockId: "x", policy: retention("timed", 365), createdAt: 0, expiresAt } as const;
  for (const [now, allowed] of [
    [expiresAt - 1, false],
    [expiresAt, true],
  ] as const) {
    const access = accessControl({
      ...unmetered,
      ...server.parts,
      region: key.region,
      now: () => now,
      policyNow: () => now,
    });
    const action = "glacier:DeleteArchive";
    const asked = {
      action,
      resource: arn("timed"),
      ownerId: accountId,
      vault: { ...vault, lock },
      vaultPolicies: true,
    };
    const who = { principal: { kind: "root", accountId }, userId: accountId } as const;
    const decision = await access.judge(who, [], asked, () => new Map([["glacier:archiveageindays", ["1"]]]));
    assert.equal(decision.allowed, allowed);
  }
});

test("a legal hold by tag denies while the tag is there", async () => {
  const remove = await vaultWithArchive("held");
  const Condition = { StringLike: { "glacier:ResourceTag/LegalHold": ["true", ""] } };
  await lock("held", policy(deny("glacier:DeleteArchive", arn("held"), { Principal: "*", Condition })), true);
  await send("POST", `${vaultPath("held")}/tags?operation=add`, { Tags: { LegalHold: "true" } });
  assertError(await remove(), deniedByLock("DeleteArchive", "held"));
  await send("POST", `${vaultPath("held")}/tags?operation=remove`, { TagKeys: ["LegalHold"] });
  assert.equal((await remove()).status, 204);
});

test("no identity policy and no removal of users or policies allows what a lock denies", async () => {
  const remove = await vaultWithArchive("frozen");
  await initiateUpload(server, "frozen", 1024 ** 2);
  const all = ["glacier:Delete*", "glacier:Abort*", "glacier:SetVaultAccessPolicy", "glacier:CompleteMultipartUpload"];
  await lock("frozen", policy(deny(all, arn("frozen"), { Principal: "*" })), true);
  const bob = await makeUser(server, "bob", [allow("*")]);
  for (const key of [server.key, bob]) {
    const attempts = [
      { method: "DELETE", path: vaultPath("frozen") },
      { method: "DELETE", path: lockPath("frozen") },
      { method: "POST", path: lockPath("frozen"), body: JSON.stringify({ Policy: retention("frozen", 1) }) },
      { method: "DELETE", path: `${vaultPath("frozen")}/access-policy` },
      { method: "PUT", path: `${vaultPath("frozen")}/access-policy`, body: "{}" },
    ];
    for (const attempt of attempts) {
      assert.equal((await server.client.send({ ...attempt, key })).status, 403, `${attempt.method} ${attempt.path}`);
    }
  }
  await demand(server, "DeleteUser", { members: { userName: "bob" } });
  server.clock.advance(10_000 * dayMilliseconds);
  assertError(await remove(), deniedByLock("DeleteArchive", "frozen"));
});
