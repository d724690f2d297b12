import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { defaultLogLimits } from "../../src/storage/metadata/sqlite/log/checkpoints.ts";
import { OnDemandThread } from "../../src/storage/metadata/sqlite/on-demand-thread.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { SqliteThread } from "../../src/storage/metadata/sqlite/sqlite-thread.ts";
import { rowChecking, rowSecret } from "../support/row-secret.ts";

const page = { accountId: "123456789012", region: "us-east-1", afterName: null, limit: 10 };

let folder: string;
let substitute: SqliteThread;
const fail = (error: Error) => assert.fail(error);
const open = (role: "lookups" | "lists") =>
  SqliteThread.open(
    {
      role,
      path: join(folder, "moraine.db"),
      mayCreate: false,
      logLimits: defaultLogLimits,
      history: null,
      rowKey: rowChecking.key,
    },
    { rowSecret, onDeath: fail, onDamagedRow: () => assert.fail("no row is damaged") },
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-on-demand-"));
  await (
    await openSqliteStore({ path: join(folder, "moraine.db"), mayCreate: true, rowSecret, onFailure: fail })
  ).close();
  substitute = await open("lookups");
});
afterEach(async () => {
  await substitute.close();
  await rm(folder, { recursive: true });
});

test("calls do not wait for the start of the thread", { timeout: 30_000 }, async () => {
  const opened = Promise.withResolvers<void>();
  const thread = new OnDemandThread({
    open: () => opened.promise.then(() => open("lists")),
    substitute,
    idleMilliseconds: 60_000,
  });
  const before = Array.from({ length: 3 }, () => thread.call("listVaults", page));
  assert.deepEqual(await Promise.all(before), [[], [], []]);
  opened.resolve();
  await thread.close();
});

test("a thread that cannot be opened is substituted, and the next call opens it again", async () => {
  let attempts = 0;
  const thread = new OnDemandThread({
    open: async () => {
      attempts += 1;
      throw new Error("no room for a thread");
    },
    substitute,
    idleMilliseconds: 60_000,
  });
  for (const expected of [1, 2]) {
    assert.deepEqual(await thread.call("listVaults", page), []);
    assert.equal(attempts, expected);
  }
  await thread.close();
});

test("calls under way are served when the thread is closed before it is open", { timeout: 30_000 }, async () => {
  const opened = Promise.withResolvers<void>();
  const thread = new OnDemandThread({
    open: () => opened.promise.then(() => open("lists")),
    substitute,
    idleMilliseconds: 60_000,
  });
  let served = 0;
  for (let count = 0; count < 50; count += 1) {
    void thread.call("listVaults", page).then(() => {
      served += 1;
    });
  }
  const closed = thread.close();
  opened.reject(new Error("not opened"));
  await closed;
  assert.equal(served, 50);
});
