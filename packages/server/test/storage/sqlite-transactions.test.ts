import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { MetadataUnavailableError } from "../../src/domain/stores/metadata-store.ts";
import { migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import type { Outcome } from "../../src/storage/metadata/run-method.ts";
import { type Connection, openReading, openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { runChanges, runQueries } from "../../src/storage/metadata/sqlite/sqlite-transactions.ts";
import { rowChecking, testSecret } from "../support/row-secret.ts";

const key = { accountId: "123456789012" as AccountId, region: "us-east-1", vaultName: "a" };
const create = { method: "createVault", input: { id: "a", key, now: 0 } };
const intend = (name: string) => ({ method: "recordIntent", input: { key: name, ownerId: name, leaseUntil: 0 } });
const condemn = { method: "markDead", input: { now: 1, deletedBefore: 0, completedSince: 0, limit: 9999 } };
const find = { method: "findVault", input: key };

test("a full disk fails the whole batch, leaves nothing of it, and passes", async () => {
  await withDatabase(async (connection) => {
    assert.deepEqual(await runChanges(connection, [create]), [{ value: undefined }]);
    // Migrations leave free pages, which would be used first.
    connection.database.exec("VACUUM");
    const pages = Number(connection.database.prepare("PRAGMA page_count").get()?.["page_count"]);
    connection.database.exec(`PRAGMA max_page_count = ${pages + 1}`);
    const batch = Array.from({ length: 200 }, (_, index) => intend(`${index}`));
    for (const outcome of await runChanges(connection, batch)) {
      assert("error" in outcome && outcome.error instanceof StorageFullError);
    }
    assert(!connection.database.isTransaction);
    assert.equal(resultOf(await runQueries(connection, [find]), "id"), "a");

    connection.database.exec("PRAGMA max_page_count = 100000");
    assert.equal(resultOf(await runChanges(connection, [condemn])), 0);
    const outcomes = await runChanges(connection, batch);
    assert(outcomes.every((outcome) => "value" in outcome));
    assert.equal(resultOf(await runChanges(connection, [condemn])), 200);
  });
});

test("a change that fails half way is undone, and the others of its batch are kept", async () => {
  await withDatabase(async (connection) => {
    const segment = { key: "k", ownerId: "o", firstByte: 0, sizeBytes: 1, treeHash: "" };
    const archive = { id: "o", vaultId: "a", description: "", sizeBytes: 1, treeHash: "", createdAt: 0 };
    const add = { method: "addArchive", input: { archive, segment, vault: key } };
    const outcomes = await runChanges(connection, [create, add, intend("x")]);
    assert.deepEqual(
      outcomes.map((outcome) => "error" in outcome),
      [false, true, false],
    );
    assert.equal(resultOf(await runQueries(connection, [find]), "revision"), 0);
    assert.equal(resultOf(await runChanges(connection, [condemn])), 1);
  });
});

test("a read that meets damage says that the store is unavailable, and the next one works", async () => {
  await withDatabase(async (connection, path) => {
    await runChanges(connection, [create, intend("x")]);
    connection.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    const statement = "SELECT rootpage FROM sqlite_schema WHERE name = 'vaults_by_name'";
    const root = Number(connection.database.prepare(statement).get()?.["rootpage"]);
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(4096, 0xff), 0, 4096, (root - 1) * 4096);
    await file.close();

    const reading = openReading(path, rowChecking);
    const findSegment = { method: "findSegment", input: "x" };
    const [damaged, sound] = await runQueries(reading, [find, findSegment]);
    assert(damaged !== undefined && "error" in damaged && damaged.error instanceof MetadataUnavailableError);
    assert.deepEqual(sound, { value: null });
    reading.database.close();
  });
});

test("a database that fails a change is given up", async () => {
  await withDatabase(async (connection, path) => {
    connection.database.close();
    await assert.rejects(runChanges(connection, [create]));
    const reading = openReading(path, rowChecking);
    await assert.rejects(runChanges(reading, [create]), /readonly/);
    reading.database.close();
  });
});

function resultOf(outcomes: Outcome[], field?: string): unknown {
  const [outcome] = outcomes;
  assert(outcome !== undefined && "value" in outcome);
  return field === undefined ? outcome.value : (outcome.value as Record<string, unknown>)[field];
}

async function withDatabase(body: (connection: Connection, path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sqlite-transactions-test-"));
  const path = join(folder, "metadata.db");
  const connection = openWriting(path, true);
  try {
    await migrate(connection, { mayCreate: true, secret: testSecret });
    await body(connection, path);
  } finally {
    if (connection.database.isOpen) {
      connection.database.close();
    }
    await rm(folder, { recursive: true });
  }
}
