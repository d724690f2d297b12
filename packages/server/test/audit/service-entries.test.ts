import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { AuditChainCheck, pruningSubject } from "@moraine/protocol";
import { policy } from "../support/admin.ts";
import { arn, createVault, eventually } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { accountId, dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import { lastSequence, trailOf } from "../support/trail.ts";

// Tests what the service records of its own work: locks that expire, and the pruning of the trail.

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

test("a lock on trial that expires is recorded, with its vault", async () => {
  await createVault(server, "photos");
  const statement = { Effect: "Deny", Principal: "*", Action: "glacier:DeleteArchive", Resource: arn("photos") };
  const body = JSON.stringify({ Policy: policy(statement) });
  assert.equal((await server.client.send({ method: "POST", path: "/-/vaults/photos/lock-policy", body })).status, 201);
  const { metadata } = server.parts;
  const before = await lastSequence(metadata);
  server.clock.advance(dayMilliseconds + 1);
  await eventually("the lock has expired", async () => (await lastSequence(metadata)) > before);
  const [entry] = await trailOf(metadata, before);
  assert.equal(entry?.operation, "ExpireVaultLock");
  assert.equal(entry?.principal, "service");
  assert.equal(entry?.vault, `${accountId}/photos`);
});

test("entries are dropped after their time, and the chain holds from there on", async () => {
  const { metadata } = server.parts;
  const last = (await trailOf(metadata)).at(-1);
  server.clock.advance(399 * dayMilliseconds);
  await createVault(server, "later");
  assert.equal((await metadata.auditState({})).pruned.sequence, 0, "not before a day's worth has gathered");
  server.clock.advance(3 * dayMilliseconds);
  await eventually("the trail is pruned", async () => (await metadata.auditState({})).pruned.sequence > 0);
  const { pruned } = await metadata.auditState({});
  assert.deepEqual(pruned, { sequence: last?.sequence, hash: last?.hash });
  const rows = await trailOf(metadata);
  assert.deepEqual(
    rows.map(({ operation, subject }) => ({ operation, subject })),
    [
      { operation: "CreateVault", subject: null },
      { operation: "PruneAuditTrail", subject: pruningSubject(pruned) },
    ],
  );
  const check = new AuditChainCheck((text) => hash("sha256", text), pruned);
  for (const row of rows) {
    check.push(row);
  }
  assert.deepEqual(check.finish().findings, []);
});

test("a long trail is pruned in bounded steps, each with its entry, and reads as one chain after each", async () => {
  const metadata = await openInlineStore(":memory:");
  const facts = { accountId, principal: "root", accessKeyId: null, address: null, vault: null, subject: null };
  const more = { operation: "CreateVault", outcome: "done", reason: null, requestId: null } as const;
  await metadata.addAuditEntries(Array.from({ length: 1200 }, (_, time) => ({ ...facts, ...more, time })));
  const counts: number[] = [];
  for (let dropped = 500; dropped === 500; ) {
    dropped = await metadata.pruneAuditEntries({ recordedBefore: 1100, now: 5000, limit: 500 });
    counts.push(dropped);
    const { pruned } = await metadata.auditState({});
    const check = new AuditChainCheck((text) => hash("sha256", text), pruned);
    for (const row of await trailOf(metadata)) {
      check.push(row);
    }
    assert.deepEqual(check.finish().findings, []);
  }
  assert.deepEqual(counts, [500, 500, 100]);
  await metadata.close();
});
