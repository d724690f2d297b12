import assert from "node:assert/strict";
import { test } from "node:test";
import { migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import type { Outcome, Request } from "../../src/storage/metadata/run-method.ts";
import { type Connection, openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { runChanges, runQueries } from "../../src/storage/metadata/sqlite/sqlite-transactions.ts";
import { keyOf, someHash, start } from "../contract/metadata/world.ts";
import { testSecret } from "../support/row-secret.ts";

// Archives of one batch count in their vault's row as the batch wrote it last, without reading it again.

const vault = keyOf("photos");
const create: Request = { method: "createVault", input: { id: "a", key: vault, now: start } };
const at = (accessVersion: number) => ({ vaultId: "a", vault, accessVersion });

/** The intent and the upload of an archive. */
function uploaded(id: string, accessVersion = 0, vaultId = "a"): [Request, Request] {
  const key = `key of ${id}`;
  const treeHash = someHash();
  const segment = { key, ownerId: id, firstByte: 0, sizeBytes: 10, treeHash };
  const archive = { id, vaultId, description: "", sizeBytes: 10, treeHash, createdAt: start, deletedAt: null };
  return [
    { method: "recordIntent", input: { key, ownerId: id, leaseUntil: start } },
    { method: "addArchive", input: { vault, accessVersion, archive, segment } },
  ];
}

const kindsOf = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map((outcome) => ("error" in outcome ? (outcome.error as Error).name : "done"));

async function countedIn(connection: Connection): Promise<unknown> {
  const [found] = await runQueries(connection, [{ method: "findVault", input: vault }]);
  assert(found !== undefined && "value" in found, "the row has the MAC of what is in it");
  return (found.value as { archiveCount: number } | null)?.archiveCount;
}

async function withVault(body: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = openWriting(":memory:", true);
  try {
    await migrate(connection, { mayCreate: true, secret: testSecret });
    assert.deepEqual(kindsOf(await runChanges(connection, [create])), ["done"]);
    await body(connection);
  } finally {
    connection.database.close();
  }
}

test("an archive counts after one of the same batch that was undone", async () => {
  await withVault(async (connection) => {
    const [, withoutIntent] = uploaded("undone");
    const batch = [...uploaded("one"), withoutIntent, ...uploaded("two")];
    assert.deepEqual(kindsOf(await runChanges(connection, batch)), ["done", "done", "InvariantError", "done", "done"]);
    assert.equal(await countedIn(connection), 2);
  });
});

test("archives of one batch count in the vaults that they are in", async () => {
  await withVault(async (connection) => {
    const other: Request = { method: "createVault", input: { id: "b", key: keyOf("other"), now: start } };
    const [intent, upload] = uploaded("elsewhere", 0, "b");
    const batch = [other, ...uploaded("one"), intent, upload, ...uploaded("two")];
    assert.deepEqual(kindsOf(await runChanges(connection, batch)), Array(7).fill("done"));
    const rows = connection.database.prepare("SELECT id, archive_count FROM vaults ORDER BY id").all();
    assert.deepEqual(
      rows.map((row) => Object.values(row)),
      [
        ["a", 2],
        ["b", 1],
      ],
    );
    assert.equal(await countedIn(connection), 2);
  });
});

test("an archive counts after a batch that was undone", async () => {
  await withVault(async (connection) => {
    const { database } = connection;
    await runChanges(connection, uploaded("one"));
    const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
    database.exec(`PRAGMA max_page_count = ${pages}`);
    const large = Array.from({ length: 100 }, (_, index) => uploaded(`large ${index}`)).flat();
    assert.deepEqual(new Set(kindsOf(await runChanges(connection, large))), new Set(["StorageFullError"]));
    database.exec("PRAGMA max_page_count = 100000");
    await runChanges(connection, uploaded("two"));
    assert.equal(await countedIn(connection), 2);
  });
});

const lock = { lockId: "lock", policy: '{"Version":"2012-10-17","Statement":[]}' };
const settings: Record<string, { changes: Request[]; version: number }> = {
  tags: { changes: [{ method: "addTags", input: { ...at(0), tags: { color: "blue" } } }], version: 1 },
  "an access policy": { changes: [{ method: "setAccessPolicy", input: { ...at(0), policy: "{}" } }], version: 1 },
  notifications: {
    changes: [{ method: "setNotifications", input: { ...at(0), notifications: { topic: "t", events: [] } } }],
    version: 0,
  },
  "a lock": {
    changes: [
      { method: "initiateLock", input: { ...at(0), ...lock, now: start } },
      { method: "completeLock", input: { ...at(1), ...lock, now: start } },
    ],
    version: 2,
  },
  "an inventory": { changes: [{ method: "takeInventory", input: { vaultId: "a", now: start } }], version: 0 },
};

for (const [what, { changes, version }] of Object.entries(settings)) {
  test(`an archive counts after ${what} of the same batch, and is refused when the permission is older`, async () => {
    await withVault(async (connection) => {
      const batch = [...uploaded("one"), ...changes, ...uploaded("two", version), ...uploaded("three", version - 1)];
      const done = batch.map(() => "done").slice(1);
      assert.deepEqual(kindsOf(await runChanges(connection, batch)), [...done, "VaultChangedError"]);
      assert.equal(await countedIn(connection), 2);
      const column = connection.database.prepare("SELECT * FROM vaults").get();
      assert.equal(column?.["access_version"], version);
    });
  });
}

test("an archive finds no vault that was deleted in the same batch", async () => {
  await withVault(async (connection) => {
    const removal: Request = {
      method: "removeVault",
      input: { key: vault, profile: "practical", expectedVersion: 1, now: start },
    };
    const tagged: Request = { method: "addTags", input: { ...at(0), tags: { color: "blue" } } };
    const outcomes = await runChanges(connection, [tagged, removal, ...uploaded("one", 1)]);
    assert.deepEqual(kindsOf(outcomes), ["done", "done", "done", "GlacierError"]);
  });
});

test("an archive finds no vault after all contents were removed in the same batch", async () => {
  await withVault(async (connection) => {
    const removal: Request = { method: "removeContents", input: { accountId: vault.accountId, removesLocked: true } };
    const outcomes = await runChanges(connection, [...uploaded("one"), removal, ...uploaded("two")]);
    assert.deepEqual(kindsOf(outcomes), ["done", "done", "done", "done", "GlacierError"]);
  });
});

test("the next batch reads the vault's row again, and refuses what was changed in it", async () => {
  await withVault(async (connection) => {
    assert.deepEqual(kindsOf(await runChanges(connection, uploaded("one"))), ["done", "done"]);
    connection.database.exec("UPDATE vaults SET archive_bytes = 5");
    assert.deepEqual(kindsOf(await runChanges(connection, uploaded("two"))), ["done", "DamagedRowError"]);
  });
});
