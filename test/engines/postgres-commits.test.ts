import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serviceFacts } from "../../packages/server/src/domain/audit.ts";
import type { MetadataStore } from "../../packages/server/src/domain/stores/metadata-store.ts";
import { type CommitFault, startCommitProxy } from "../support/engines/commit-proxy.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { connectDirectly, openTestNode } from "../support/engines/postgres-store.ts";
import { Random } from "../support/random.ts";

const changesOfRun = 60;

describe("commits in PostgreSQL", { skip: missingEngine("postgres") }, () => {
  let engine: Engine;
  let url: string;

  before(async () => {
    engine = await startEngine("postgres");
    url = engine.variables["DATABASE_URL"] ?? "";
  });
  after(() => engine[Symbol.asyncDispose]());

  test("a change whose commit is cut off is made once, whether or not the server had it", async () => {
    const random = new Random(1);
    const faults: (CommitFault | null)[] = ["request lost", "answer lost", null];
    let isHostile = false;
    await using proxy = await startCommitProxy(url, () => (isHostile ? (random.oneOf(faults) ?? null) : null));
    const store = await openTestNode(proxy.url);
    isHostile = true;
    for (let number = 0; number < changesOfRun; number += 1) {
      await note(store, `change ${number}`);
    }
    isHostile = false;
    await store.close();
    assert.ok(proxy.count > changesOfRun / 2, `${proxy.count} commits were cut off`);
    assert.deepEqual(
      await notesIn(url),
      Array.from({ length: changesOfRun }, (_, number) => `change ${number}`),
    );
  });

  test("changes of two nodes come one after the other: the trail is one chain", async () => {
    const [one, other] = [await openTestNode(url), await openTestNode(url)];
    const notes = Array.from({ length: 200 }, (_, number) => note(number % 2 === 0 ? one : other, `of two ${number}`));
    await Promise.all(notes);
    const state = await one.auditState({});
    const { rows } = await other.listAuditEntries({ ...everything, limit: 10_000 });
    await Promise.all([one.close(), other.close()]);
    assert.deepEqual(
      rows.map(({ sequence }) => sequence),
      Array.from({ length: state.head.sequence }, (_, index) => index + 1),
    );
    assert.equal(rows.at(-1)?.hash, state.head.hash);
  });

  test("a change says that nothing happened when there is no database, and that it does not know when its commit was under way", async () => {
    let isLost = false;
    await using proxy = await startCommitProxy(url, () => (isLost ? "answer lost" : null));
    const store = await openTestNode(proxy.url, { triedMilliseconds: 3000 });
    await note(store, "before");
    isLost = true;
    await assert.rejects(note(store, "unknown"), { name: "MetadataUnavailableError", outcome: "unknown" });
    isLost = false;
    await note(store, "after");
    assert.equal(store.unreachable(), null);
    await proxy[Symbol.asyncDispose]();
    await assert.rejects(note(store, "away"), { name: "MetadataUnavailableError", outcome: "not_committed" });
    assert.match(String(store.unreachable()), /cannot be used/);
    await assert.rejects(store.auditState({}), { name: "MetadataUnavailableError", outcome: "not_committed" });
    await store.close();
    const notes = await notesIn(url);
    assert.deepEqual(notes.slice(notes.indexOf("before")), ["before", "unknown", "after"]);
  });
});

const everything = {
  ...{ afterSequence: 0, visitsMax: 10_000, since: null, until: null, accountId: null, principal: null },
  ...{ operation: null, vault: null, outcome: null },
};

/** A change that is seen twice if it is made twice. */
function note(store: MetadataStore, subject: string): Promise<void> {
  return store.addAuditEntries([serviceFacts({ time: 0, operation: "Note", subject })]);
}

async function notesIn(url: string): Promise<string[]> {
  await using client = await connectDirectly(url);
  const { rows } = await client.query("select subject from audit_entries order by seq");
  return rows.map(({ subject }) => subject);
}
