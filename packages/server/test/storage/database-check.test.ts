import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountId } from "@moraine/protocol";
import { MetadataDamagedError } from "../../src/domain/stores/metadata-store.ts";
import { startBackgroundCheck } from "../../src/storage/metadata/sqlite/background-check.ts";
import { findDamage } from "../../src/storage/metadata/sqlite/database-check.ts";
import { openReadOnly } from "../../src/storage/metadata/sqlite/sqlite-database.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { RowHasher } from "../../src/storage/metadata/tables/row-macs/row-hasher.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { rowChecking, rowSecret } from "../support/row-secret.ts";

const accountId = "123456789012" as AccountId;
const vaults = 1200;
const damagedName = "vault-0777";

test("a sound database is read to its end, in steps", async () => {
  await withDatabase(async (path) => {
    const { finding, steps } = findingOf(path);
    assert.equal(finding, null);
    assert.ok(steps >= 2, "1,200 vaults are more than a step");
  });
});

test("one changed letter in an index is found, though SQLite's quick check calls it sound", async () => {
  await withDatabase(async (path) => {
    await damageIndex(path);
    assert.equal(quickCheck(path), "ok");
    assert.match(findingOf(path).finding ?? "", /the index vaults_by_name lacks 1 rows of the table vaults/);
  });
});

test("a lost page of a table is found", async () => {
  await withDatabase(async (path) => {
    await overwrite(path, lastLeafOf(path, "vaults"), (page) => page.fill(0));
    assert.match(findingOf(path).finding ?? "", /malformed|lacks/);
  });
});

test("a long value whose pages are no longer joined is found, though no index has it", async () => {
  await inFolder(async (path) => {
    const database = new DatabaseSync(path);
    database.exec(`
      ${emptyTables}
      CREATE TABLE documents (id INTEGER PRIMARY KEY, body TEXT);
      INSERT INTO documents VALUES (1, hex(zeroblob(50000)));
    `);
    const first = database.prepare("SELECT pageno FROM dbstat WHERE pagetype = 'overflow' ORDER BY path LIMIT 1").get();
    database.close();
    assert.equal(findingOf(path).finding, null);
    await overwrite(path, Number(first?.["pageno"]), (page) => page.fill(0));
    assert.match(findingOf(path).finding ?? "", /malformed/);
  });
});

test("rows of partial indices are looked up too, and a table without row ids is read", async () => {
  await inFolder(async (path) => {
    const database = new DatabaseSync(path);
    database.exec(`
      ${emptyTables}
      CREATE TABLE plain (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
      CREATE TABLE pairs (b INTEGER PRIMARY KEY, c TEXT);
      CREATE INDEX pairs_by_c ON pairs (c) WHERE c IS NOT NULL;
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
        INSERT INTO pairs SELECT i, iif(i % 2, 'letters-' || i, NULL) FROM n;
      INSERT INTO plain SELECT coalesce(c, 'none'), b FROM pairs;
    `);
    database.close();
    assert.deepEqual(findingOf(path), { finding: null, steps: 12 });
    await replaceInLeaves(path, "pairs_by_c", "letters-777", "letterz-777");
    assert.match(findingOf(path).finding ?? "", /the index pairs_by_c lacks 1 rows of the table pairs/);
  });
});

test("damage that the start does not see stops the store soon after it", async () => {
  await withDatabase(async (path) => {
    await damageIndex(path);
    const failures: Error[] = [];
    const failed = new EventTarget();
    const failing = once(failed, "failure");
    const store = await openSqliteStore({
      rowSecret,
      path,
      mayCreate: false,
      checkDelayMilliseconds: 0,
      onFailure: (error) => {
        failures.push(error);
        failed.dispatchEvent(new Event("failure"));
      },
    });
    await failing;
    assert.ok(failures[0] instanceof MetadataDamagedError);
    assert.match(failures[0].message, /is damaged: the index vaults_by_name lacks 1 rows .*; restore it from a backup/);
    await assert.rejects(store.findVault({ accountId, region: "us-east-1", vaultName: "vault-0001" }), /damaged/);
    await store.close();
    assert.equal(failures.length, 1);
  });
});

test("a call that a damaged index leads to another row, which is sound, is refused", async () => {
  await withDatabase(async (path) => {
    await damageIndex(path);
    const store = await openInlineStore(path);
    const asked = { accountId: "107770000000" as AccountId, region: "us-east-1", vaultName: "wault-0777" };
    await assert.rejects(store.findVault(asked), {
      name: "DamagedRowError",
      message: /id vault-0777/,
    });
    await store.close();
  });
});

test("the check leaves a start alone for the given pause, and a store that closes before then waits for nothing", async () => {
  await withDatabase(async (path) => {
    await damageIndex(path);
    const failures: Error[] = [];
    const store = await openSqliteStore({
      rowSecret,
      path,
      mayCreate: false,
      checkDelayMilliseconds: 600_000,
      onFailure: (error) => failures.push(error),
    });
    await sleep(1000);
    const began = performance.now();
    await store.close();
    assert.ok(performance.now() - began < 60_000);
    assert.deepEqual(failures, []);
  });
});

test("a check that has not started waits for the end of inventories, an hour at most", async (t) => {
  await withDatabase(async (path) => {
    const threads = countThreads(t);
    const now = stopTime(t);
    const check = startCheck(path, () => false);
    t.mock.timers.tick(9000);
    check.postpone();
    t.mock.timers.tick(34_000);
    check.postpone();
    now.mock.mockImplementation(() => 3_600_000);
    t.mock.timers.tick(34_000);
    assert.equal(threads.started, 0);
    check.postpone();
    t.mock.timers.tick(1000);
    assert.equal(threads.started, 1);
    await check.stop();
    check.postpone();
    t.mock.timers.tick(35_000);
    assert.equal(threads.started, 1);
  });
});

test("a check does not start while the service is busy, for an hour at most", async (t) => {
  await withDatabase(async (path) => {
    const threads = countThreads(t);
    const now = stopTime(t);
    let isBusy = true;
    const start = () => startCheck(path, () => isBusy);
    const first = start();
    t.mock.timers.tick(10_000);
    t.mock.timers.tick(10_000);
    assert.equal(threads.started, 0);
    isBusy = false;
    t.mock.timers.tick(10_000);
    assert.equal(threads.started, 1);
    await first.stop();

    isBusy = true;
    const second = start();
    t.mock.timers.tick(10_000);
    assert.equal(threads.started, 1);
    now.mock.mockImplementation(() => 3_600_000);
    t.mock.timers.tick(10_000);
    assert.equal(threads.started, 2);
    await second.stop();
  });
});

/** Counts the threads of this process that start from now on. */
function countThreads(t: TestContext): { readonly started: number } {
  const threads = { started: 0 };
  const count = () => {
    threads.started += 1;
  };
  subscribe("worker_threads", count);
  t.after(() => unsubscribe("worker_threads", count));
  return threads;
}

/** Timers end by `tick`, and the process's time is what the returned mock says. */
function stopTime(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  return t.mock.method(performance, "now", () => 0);
}

const startCheck = (path: string, isBusy: () => boolean) =>
  startBackgroundCheck(
    { path, rowKey: rowChecking.key, delayMilliseconds: 10_000, postponeMilliseconds: 35_000, isBusy },
    { onDamage: () => assert.fail(), onDamagedRow: () => assert.fail() },
  );

async function withDatabase(body: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (path) => {
    const store = await openSqliteStore({
      rowSecret,
      path,
      mayCreate: true,
      onFailure: (error) => {
        throw error;
      },
    });
    const names = Array.from({ length: vaults }, (_, index) => `vault-${String(index).padStart(4, "0")}`);
    const at = (vaultName: string) => ({
      accountId: `1${vaultName.slice(-4)}`.padEnd(12, "0") as AccountId,
      region: "us-east-1",
      vaultName,
    });
    await Promise.all(names.map((name) => store.createVault({ id: name, key: at(name), now: 0 })));
    await store.close();
    await body(path);
  });
}

/** Tables that every database of the service has. */
const emptyTables = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE vaults (id TEXT PRIMARY KEY);
  CREATE TABLE archives (vault_id TEXT, deleted_revision INTEGER);`;

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "damage-test-"));
  try {
    await body(join(folder, "metadata.db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function findingOf(path: string): { finding: string | null; steps: number } {
  using database = openReadOnly(path);
  const hasher = new RowHasher(rowChecking.key);
  const check = findDamage({ database, hasher, onDamagedRow: rowChecking.onDamagedRow });
  for (let steps = 1; ; steps += 1) {
    const step = check.next();
    if (step.done === true) {
      return { finding: step.value, steps };
    }
  }
}

function quickCheck(path: string): unknown {
  using database = new DatabaseSync(path, { readOnly: true });
  return database.prepare("PRAGMA quick_check").get()?.["quick_check"];
}

/** The order of the index stays as it was. */
const damageIndex = (path: string) => replaceInLeaves(path, "vaults_by_name", damagedName, "wault-0777");

function leavesOf(path: string, name: string): number[] {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'").all(name);
  return rows.map(({ pageno }) => Number(pageno));
}

const lastLeafOf = (path: string, name: string): number => leavesOf(path, name).at(-1) ?? 0;

/** Also in leaves that hold a copy which a split left behind. */
async function replaceInLeaves(path: string, name: string, text: string, other: string): Promise<void> {
  for (const leaf of leavesOf(path, name)) {
    await overwrite(path, leaf, (page) => {
      const at = page.indexOf(text);
      page.write(at < 0 ? "" : other, Math.max(at, 0));
    });
  }
}

async function overwrite(path: string, page: number, change: (bytes: Buffer) => void): Promise<void> {
  const file = await open(path, "r+");
  const bytes = Buffer.alloc(4096);
  await file.read(bytes, 0, bytes.length, (page - 1) * bytes.length);
  change(bytes);
  await file.write(bytes, 0, bytes.length, (page - 1) * bytes.length);
  await file.close();
}
