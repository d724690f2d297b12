import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AuditRow } from "@moraine/protocol";
import { Attempts } from "../../src/audit/attempts.ts";
import type { AuditFacts } from "../../src/domain/audit.ts";
import { allow, callAdmin, deny, makeAccount, makeUser } from "../support/admin.ts";
import { createVault, unknownArchiveId } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import { lastSequence, trailOf, trailOnce } from "../support/trail.ts";

// Attempts that change nothing are recorded in batches, within bounds.

let server: TestServer;
before(async () => {
  // Each node records its own, when it comes to it.
  server = await startTestServer({ nodes: 1 });
  await createVault(server, "photos");
});
after(() => server.stop());

async function recordedOf(send: () => Promise<unknown>, count = 1): Promise<readonly AuditRow[]> {
  const before = await lastSequence(server.parts.metadata);
  await send();
  return trailOnce(server.parts.metadata, before, count);
}

const shown = ({ accountId: account, principal, accessKeyId, operation, vault, outcome, reason }: AuditRow) => ({
  account,
  principal,
  accessKeyId,
  operation,
  vault,
  outcome,
  reason,
});

const describePhotos = { method: "GET", path: "/-/vaults/photos" };

test("a wrong secret, an unknown key and a request without a signature are recorded with the key that they claim", async () => {
  const wrongSecret = { ...server.key, secretAccessKey: "x".repeat(40) };
  const unknownKey = { ...server.key, accessKeyId: "AKIAUNKNOWN000000000" };
  const rows = await recordedOf(async () => {
    await server.client.send({ ...describePhotos, key: wrongSecret });
    await server.client.send({ ...describePhotos, key: unknownKey });
    await server.client.send({ ...describePhotos, key: null });
    await callAdmin(server, "ListUsers", { key: wrongSecret });
  }, 4);
  const stranger = { account: null, principal: null, vault: null, outcome: "unauthenticated" };
  const described = { ...stranger, operation: "DescribeVault" };
  assert.deepEqual(rows.map(shown), [
    { ...described, accessKeyId: server.key.accessKeyId, reason: "InvalidSignatureException" },
    { ...described, accessKeyId: "AKIAUNKNOWN000000000", reason: "UnrecognizedClientException" },
    { ...described, accessKeyId: null, reason: "MissingAuthenticationTokenException" },
    { ...stranger, operation: "ListUsers", accessKeyId: server.key.accessKeyId, reason: "InvalidSignatureException" },
  ]);
  assert.ok(rows.every(({ address, requestId }) => address === "127.0.0.1" && requestId !== null));
});

test("a denial is recorded with the statement that denied, and with what it was about, reads included", async () => {
  const refusal = { ...deny("glacier:DeleteArchive"), Sid: "NeverDelete" };
  const key = await makeUser(server, "carol", [allow("glacier:*Archive"), refusal]);
  const rows = await recordedOf(async () => {
    const path = `/-/vaults/photos/archives/${unknownArchiveId}`;
    assert.equal((await server.client.send({ method: "DELETE", path, key })).status, 403);
    assert.equal((await server.client.send({ ...describePhotos, key })).status, 403);
    assert.equal((await callAdmin(server, "CreateUser", { members: { userName: "mallory" }, key })).status, 403);
  }, 3);
  const carol = { account: accountId, principal: "user/carol", accessKeyId: key.accessKeyId, outcome: "denied" };
  const photos = `${accountId}/photos`;
  assert.deepEqual(rows.map(shown), [
    {
      ...carol,
      operation: "DeleteArchive",
      vault: photos,
      reason: "deny by identity policy granted, statement 1 (NeverDelete)",
    },
    { ...carol, operation: "DescribeVault", vault: photos, reason: "no identity policy allows it" },
    { ...carol, operation: "CreateUser", vault: null, reason: "no identity policy allows it" },
  ]);
  assert.deepEqual(
    rows.map(({ subject }) => subject),
    [unknownArchiveId, null, "mallory"],
  );
});

test("a denial by the rules of the API itself is recorded with its reason", async () => {
  const key = await makeAccount(server);
  const [entry] = await recordedOf(() => callAdmin(server, "ListAccounts", { key }));
  assert.equal(entry?.outcome, "denied");
  assert.equal(entry?.reason, "only principals of the operator's account may");
});

test("a change that fails is recorded with its error, a read that fails is not", async () => {
  const rows = await recordedOf(async () => {
    assert.equal((await server.client.send({ method: "GET", path: "/-/vaults/nowhere" })).status, 404);
    const path = `/-/vaults/photos/archives/${unknownArchiveId}`;
    assert.equal((await server.client.send({ method: "DELETE", path })).status, 404);
  });
  assert.deepEqual(
    rows.map(({ operation, outcome, reason }) => ({ operation, outcome, reason })),
    [{ operation: "DeleteArchive", outcome: "failed", reason: "ResourceNotFoundException" }],
  );
});

const facts = (outcome: AuditFacts["outcome"], account: string | null): AuditFacts => ({
  time: 5,
  accountId: account,
  principal: null,
  accessKeyId: null,
  address: "192.0.2.1",
  operation: "DescribeVault",
  vault: null,
  subject: null,
  outcome,
  reason: "x",
  requestId: null,
});

test("attempts beyond the bound are counted, those of strangers apart from an account's", async () => {
  const metadata = await openInlineStore(":memory:");
  const limits = { burst: 5, perSecond: 0 };
  const attempts = new Attempts({ metadata, limits, now: () => 7, onFailure: assert.ifError });
  for (let count = 0; count < 10_000; count += 1) {
    attempts.add(facts("unauthenticated", null), null);
  }
  attempts.add(facts("denied", accountId), accountId);
  await attempts.stop();
  const rows = await trailOf(metadata);
  assert.deepEqual(
    rows.map(({ outcome }) => outcome),
    [...Array(5).fill("unauthenticated"), "denied", "omitted"],
  );
  assert.equal(rows.at(-1)?.reason, "9995 unauthenticated");
  await metadata.close();
});

test("attempts that a failing store did not take are written when it works again, none twice", async () => {
  const metadata = await openInlineStore(":memory:");
  let failures = 2;
  const failing = {
    addAuditEntries: async (entries: readonly AuditFacts[]) => {
      failures -= 1;
      if (failures >= 0) {
        throw new Error("no room");
      }
      return metadata.addAuditEntries(entries);
    },
  };
  const seen: unknown[] = [];
  const limits = { burst: 2, perSecond: 0 };
  const attempts = new Attempts({ metadata: failing, limits, now: () => 7, onFailure: (error) => seen.push(error) });
  for (let count = 0; count < 3; count += 1) {
    attempts.add(facts("denied", accountId), accountId);
  }
  await attempts.stop();
  await attempts.stop();
  await attempts.stop();
  assert.equal(seen.length, 2);
  assert.deepEqual(
    (await trailOf(metadata)).map(({ outcome, reason }) => `${outcome}: ${reason}`),
    ["denied: x", "denied: x", "omitted: 1 denied"],
  );
  await metadata.close();
});

test("accounts beyond those that are distinguished share the strangers' bound, and memory does not grow", async () => {
  const written: AuditFacts[] = [];
  const metadata = { addAuditEntries: async (entries: readonly AuditFacts[]) => void written.push(...entries) };
  const limits = { burst: 1, perSecond: 0 };
  const attempts = new Attempts({ metadata, limits, now: () => 7, onFailure: assert.ifError });
  for (let account = 0; account < 20_000; account += 1) {
    attempts.add(facts("denied", String(account)), String(account));
  }
  await attempts.stop();
  const omitted = written.filter(({ outcome }) => outcome === "omitted");
  assert.ok(written.length <= 1001);
  assert.equal(written.length - omitted.length + Number.parseInt(omitted.at(-1)?.reason ?? "", 10), 20_000);
});
