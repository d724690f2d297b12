import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, test } from "node:test";
import { Random } from "../../../../test/support/random.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { VaultChangedError } from "../../src/domain/vaults/permission.ts";
import { deny, policy } from "../support/admin.ts";
import { arn, createVault, uploadArchive, vaultPath } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";

// A deletion that was allowed before a lock was set is not done after it.

let metadata: MetadataStore;
let server: TestServer;
/** Delays a deletion, once it has been allowed. */
let held = async (): Promise<void> => undefined;
/** Deletions that were allowed and came too late. */
let late = 0;
/** The changes and their vaults, in order. */
const done: string[] = [];

before(async () => {
  metadata = await openInlineStore(":memory:");
  const noted = async <Result>(what: string, change: Promise<Result>): Promise<Result> => {
    try {
      const result = await change;
      done.push(what);
      return result;
    } catch (error) {
      late += error instanceof VaultChangedError ? 1 : 0;
      throw error;
    }
  };
  const removeArchive: MetadataStore["removeArchive"] = async (at) => {
    await held();
    await noted(`removed ${at.vaultId}`, metadata.removeArchive(at));
  };
  const removeVault: MetadataStore["removeVault"] = async (at) => {
    await held();
    await metadata.removeVault(at);
  };
  const initiateLock: MetadataStore["initiateLock"] = (at) => noted(`locked ${at.vaultId}`, metadata.initiateLock(at));
  server = await startTestServer({ metadata: { ...metadata, removeArchive, removeVault, initiateLock } });
});
after(async () => {
  await server.stop();
  await metadata.close();
});

const send = (method: string, path: string, body?: object): Promise<WireAnswer> =>
  server.client.send({ method, path, ...(body && { body: JSON.stringify(body) }) });
const initiate = (vault: string, action: string, more = {}) =>
  send("POST", `${vaultPath(vault)}/lock-policy`, {
    Policy: policy(deny(action, arn(vault), { Principal: "*", ...more })),
  });

/** Sends a deletion, does something else between its permission and its deed, and resolves to its response. */
async function during(path: string, act: () => Promise<unknown>): Promise<WireAnswer> {
  const allowed = Promise.withResolvers<void>();
  const acted = Promise.withResolvers<void>();
  held = () => {
    allowed.resolve();
    return acted.promise;
  };
  try {
    const deletion = send("DELETE", path);
    await allowed.promise;
    await act();
    acted.resolve();
    return await deletion;
  } finally {
    acted.resolve();
    held = async () => undefined;
  }
}

function assertDenied(answer: WireAnswer): void {
  assert.equal(answer.status, 403, answer.text);
  const { code, message } = answer.json<{ code: string; message: string }>();
  assert.equal(code, "AccessDeniedException");
  assert.match(message, /with an explicit deny in a resource-based policy$/);
}

test("a deletion that was allowed before a lock is denied after it, and again when it is repeated", async () => {
  await createVault(server, "first");
  const path = `${vaultPath("first")}/archives/${await uploadArchive(server, "first", Buffer.from("kept"))}`;
  assertDenied(
    await during(path, async () => assert.equal((await initiate("first", "glacier:DeleteArchive")).status, 201)),
  );
  assert.equal((await send("DELETE", path)).status, 403);
});

test("the deletion of a vault that was allowed before a lock is denied after it", async () => {
  await createVault(server, "second");
  const path = vaultPath("second");
  assertDenied(
    await during(path, async () => assert.equal((await initiate("second", "glacier:DeleteVault")).status, 201)),
  );
  assert.equal((await send("DELETE", path)).status, 403);
});

test("a deletion that was allowed before a legal hold, by a tag that a lock asks for, is denied after it", async () => {
  await createVault(server, "third");
  const path = `${vaultPath("third")}/archives/${await uploadArchive(server, "third", Buffer.from("held"))}`;
  const Condition = { StringEquals: { "glacier:ResourceTag/LegalHold": "true" } };
  const { headers } = await initiate("third", "glacier:DeleteArchive", { Condition });
  assert.equal((await send("POST", `${vaultPath("third")}/lock-policy/${headers["x-amz-lock-id"]}`)).status, 204);
  const hold = () => send("POST", `${vaultPath("third")}/tags?operation=add`, { Tags: { LegalHold: "true" } });
  assertDenied(await during(path, async () => assert.equal((await hold()).status, 204)));
  assert.equal((await send("DELETE", path)).status, 403);
});

test("each of many deletions that race with a lock is done before it or not at all", {
  timeout: 60_000,
}, async (context) => {
  const seed = randomInt(2 ** 31);
  const random = new Random(seed);
  const count = { seed, done: 0, denied: 0, late: 0 };
  const lateBefore = late;
  for (let round = 0; round < 400; round += 1) {
    const vault = `race-${round}`;
    await createVault(server, vault);
    const archive = `${vaultPath(vault)}/archives/${await uploadArchive(server, vault, Buffer.from(vault))}`;
    // Turns of the event loop, so that the two meet at every step of their ways.
    const [wait, lead] = [random.whole(0, 12), random.whole(-4, 12)];
    held = () => turns(wait);
    const [deleted, locked] = await Promise.all([
      turns(-lead).then(() => send("DELETE", archive)),
      turns(lead).then(() => initiate(vault, "glacier:DeleteArchive")),
    ]);
    assert.equal(locked.status, 201, locked.text);
    const outcome = ({ 204: "done", 403: "denied" } as const)[deleted.status];
    assert.ok(outcome, deleted.text);
    count[outcome] += 1;
    if (outcome !== "done") {
      assert.equal((await send("DELETE", archive)).status, 403);
    }
  }
  held = async () => undefined;
  count.late = late - lateBefore;
  context.diagnostic(JSON.stringify(count));
  assert.ok(Math.min(count.done, count.denied - count.late, count.late) > 0, "the race was always won by the same");
  assertInOrder();
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Nothing was removed from a vault after it had been locked. */
function assertInOrder(): void {
  const locked = new Set<string>();
  for (const step of done) {
    const [what, vaultId = ""] = step.split(" ");
    assert.ok(what === "locked" || !locked.has(vaultId), "an archive was removed after its vault had been locked");
    if (what === "locked") {
      locked.add(vaultId);
    }
  }
  assert.ok(locked.size >= 400);
}
