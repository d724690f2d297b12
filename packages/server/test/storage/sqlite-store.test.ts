import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { type AccountId, adminLimits, limits } from "@moraine/protocol";
import { type MetadataStore, MetadataUnavailableError } from "../../src/domain/stores/metadata-store.ts";
import type { ThreadName } from "../../src/storage/metadata/method-threads.ts";
import { openSqliteStore, type SqliteStoreOptions } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { World } from "../contract/metadata/world.ts";
import { rowSecret } from "../support/row-secret.ts";

const accountId = "123456789012" as AccountId;
const keyOf = (vaultName: string) => ({ accountId, region: "us-east-1", vaultName });
const firstPage = { accountId, region: keyOf("").region, afterName: null, limit: 100 };
const rootKey = { accessKeyId: "AKIA", accountId, sealedSecret: new Uint8Array(8) };
const intent = (key: string) => ({ key, ownerId: `owner of ${key}`, leaseUntil: 0 });
const unexpected = (error: Error) => {
  throw error;
};

test("changes that wait together share their commits", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    const before = await commitsIn(`${path}-wal`);
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.recordIntent(intent(`${index}`))));
    const commits = (await commitsIn(`${path}-wal`)) - before;
    assert(commits >= 1 && commits <= 10, `100 changes took ${commits} commits`);
    await store.close();
  });
});

test("a change that fails among others fails alone", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    const names = Array.from({ length: 100 }, (_, index) => (index % 10 === 3 ? "same" : `${index}`));
    const outcomes = await Promise.allSettled(names.map((name) => store.recordIntent(intent(name))));
    assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 9);
    const at = { now: 1, deletedBefore: 0, completedSince: 0, limit: 1000 };
    assert.equal(await store.markDead(at), new Set(names).size);
    assert.deepEqual(new Set(await store.deadSegments({ afterKey: null, limit: 1000 })), new Set(names));
    await store.close();
  });
});

test("lists have a thread only while somebody lists", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path, { listsIdleMilliseconds: 10 });
    await createVaults(store, 3);
    for (let round = 0; round < 3; round += 1) {
      const [thread, ...others] = await startedBy(async () => {
        const lists = await Promise.all([store.listVaults(firstPage), store.listVaults(firstPage)]);
        assert.deepEqual(
          lists.map((vaults) => vaults.length),
          [3, 3],
        );
      });
      assert(thread !== undefined && others.length === 0);
      await once(thread, "exit");
    }
    await store.close();
  });
});

test("a list under way when the store closes is answered, and a later one is refused", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    await createVaults(store, 3);
    const [vaults] = await Promise.all([store.listVaults(firstPage), store.close()]);
    assert.equal(vaults.length, 3);
    await assert.rejects(store.listVaults(firstPage), MetadataUnavailableError);
  });
});

test("a change that was answered is seen by the next read", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    for (let index = 0; index < 50; index += 1) {
      const key = keyOf(`${index}`);
      await store.createVault({ id: `${index}`, key, now: 0 });
      const page = { accountId, region: key.region, afterName: null, limit: 100 };
      const [found, listed] = await Promise.all([store.findVault(key), store.listVaults(page)]);
      assert.equal(found?.id, `${index}`);
      assert.equal(listed.length, index + 1);
    }
    await store.close();
  });
});

test("a lookup does not wait for lists that were asked for before", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    await createVaults(store, 1000);
    const page = { accountId, region: "us-east-1", afterName: null, limit: 1000 };
    const ended: string[] = [];
    const lists = Array.from({ length: 200 }, async () => {
      await store.listVaults(page);
      ended.push("list");
    });
    await store.findVault(keyOf("7"));
    ended.push("lookup");
    await Promise.all(lists);
    assert.notEqual(ended.at(-1), "lookup");
    await store.close();
  });
});

test("reads with large answers, thousands at once, do not fill the thread's memory", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    await store.createAccount({ account: { id: accountId, createdAt: 0 }, key: rootKey });
    await store.createUser({ id: "AIDA", accountId, userName: "user", createdAt: 0 });
    const document = "x".repeat(adminLimits.userPoliciesSizeBytesMax / adminLimits.policiesPerUserMax);
    for (let index = 0; index < adminLimits.policiesPerUserMax; index += 1) {
      const policy = { policyName: `${index}`, document };
      await store.putUserPolicy({ user: { accountId, userName: "user" }, policy });
    }
    const counts = await Promise.all(
      Array.from({ length: 10_000 }, async () => (await store.userPolicies("AIDA")).length),
    );
    assert(counts.every((count) => count === adminLimits.policiesPerUserMax));
    await store.close();
  });
});

test("large changes, thousands at once, do not fill the thread's memory", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    const vault = keyOf("a");
    await store.createVault({ id: "a", key: vault, now: 0 });
    const at = { vaultId: "a", vault, accessVersion: 0 };
    const notifications = { topic: "x".repeat(limits.policySizeBytesMax), events: [] };
    await Promise.all(Array.from({ length: 20_000 }, () => store.setNotifications({ ...at, notifications })));
    assert.deepEqual((await store.findVault(vault))?.notifications, notifications);
    await store.close();
  });
});

test("errors keep their kind, code and words across threads", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    const at = { vault: keyOf("a"), vaultId: "a", accessVersion: 0, archiveId: "never", now: 0 };
    await assert.rejects(store.removeArchive(at), {
      name: "GlacierError",
      code: "ResourceNotFoundException",
      status: 404,
      message: "The archive ID was not found: never",
    });
    await store.close();
  });
});

test("acknowledged changes exist after a close and after a sudden end", async () => {
  await inFolder(async (path) => {
    const first = await openAt(path);
    await first.createVault({ id: "closed", key: keyOf("closed"), now: 0 });
    await first.close();
    const { store: second, workers } = await watched(path, () => undefined);
    await second.createVault({ id: "killed", key: keyOf("killed"), now: 0 });
    await Promise.all(Object.values(workers).map((worker) => worker.terminate()));
    const third = await openAt(path, { mayCreate: false });
    assert.equal((await third.findVault(keyOf("closed")))?.id, "closed");
    assert.equal((await third.findVault(keyOf("killed")))?.id, "killed");
    await third.close();
  });
});

test("closing lets what was asked before finish, and refuses what comes after", async () => {
  await inFolder(async (path) => {
    const store = await openAt(path);
    const changes = Array.from({ length: 1000 }, (_, index) => store.recordIntent(intent(`${index}`)));
    const read = store.findVault(keyOf("none"));
    const closed = store.close();
    await assert.rejects(store.recordIntent(intent("late")), MetadataUnavailableError);
    await Promise.all([...changes, read, closed]);
    await assert.rejects(store.findVault(keyOf("none")), MetadataUnavailableError);
    await store.close();
    const again = await openAt(path);
    const at = { now: 1, deletedBefore: 0, completedSince: 0, limit: 2000 };
    assert.equal(await again.markDead(at), 1000);
    await again.close();
  });
});

for (const role of ["writer", "lookups", "lists"] as const) {
  test(`when the thread "${role}" dies, every call rejects and the owner is notified once`, async () => {
    await inFolder(async (path) => {
      const failures: Error[] = [];
      const { store, workers } = await watched(path, (error) => failures.push(error));
      const victim = workers[role];
      const exits = Object.values(workers).map((worker) => once(worker, "exit"));
      const pending = Array.from({ length: 20 }, (_, index) => store.recordIntent(intent(`${index}`)));
      const outcomes = Promise.allSettled([...pending, store.findVault(keyOf("none"))]);
      await victim.terminate();
      for (const outcome of await outcomes) {
        assert(outcome.status === "fulfilled" || outcome.reason instanceof MetadataUnavailableError);
      }
      await assert.rejects(store.recordIntent(intent("late")), MetadataUnavailableError);
      await assert.rejects(store.findVault(keyOf("none")), MetadataUnavailableError);
      await Promise.all(exits);
      await store.close();
      assert.equal(failures.length, 1);
    });
  });
}

test("the files of the database are nobody else's to read", async () => {
  await inFolder(async (path) => {
    await writeFile(path, "", { mode: 0o644 });
    const store = await openAt(path);
    for (const name of [path, `${path}-wal`, `${path}-shm`]) {
      assert.equal((await stat(name)).mode & 0o777, 0o600, name);
    }
    await store.close();
  });
});

test("a database of a newer schema is refused", async () => {
  await inFolder(async (path) => {
    await createAt(path);
    edit(path, "INSERT INTO kysely_migration (name, timestamp) VALUES ('0999-later', '')");
    await assert.rejects(openAt(path), /newer schema 0999-later/);
  });
});

test("another program's database is refused", async () => {
  await inFolder(async (path) => {
    edit(path, "CREATE TABLE recipes (name TEXT)");
    await assert.rejects(openAt(path), /no schema of this service/);
  });
});

test("a file that is no database is refused", async () => {
  await inFolder(async (path) => {
    await writeFile(path, Buffer.alloc(20_000, "no database "));
    await assert.rejects(openAt(path), /file is not a database/);
  });
});

test("a damaged database is refused", async () => {
  await inFolder(async (path) => {
    await createAt(path);
    const database = new DatabaseSync(path);
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'vaults'").get()?.["rootpage"];
    database.close();
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(4096, 0xff), 0, 4096, (Number(root) - 1) * 4096);
    await file.close();
    await assert.rejects(openAt(path), /damaged|malformed/);
  });
});

test("a missing database is refused where there is data, and not made", async () => {
  await inFolder(async (path) => {
    const opening = openAt(path, { mayCreate: false });
    await assert.rejects(opening, /missing or empty/);
    await assert.rejects(stat(path), { code: "ENOENT" });
  });
});

test("a log without its database is refused, and kept", async () => {
  await inFolder(async (path) => {
    await writeFile(`${path}-wal`, "what was committed");
    await assert.rejects(openAt(path), /missing or empty/);
    assert.equal(await readFile(`${path}-wal`, "utf8"), "what was committed");
  });
});

test("contents of more segments than a page go at once", async () => {
  await inFolder(async (path) => {
    const world = new World(await openAt(path));
    const vault = await world.vault();
    const archives = 1050;
    for (let index = 0; index < archives; index += 1) {
      await world.archive(vault);
    }
    await world.store.removeContents({ accountId: vault.accountId, removesLocked: false });
    assert.equal((await world.store.countWork()).deadSegments, archives);
  });
});

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sqlite-store-test-"));
  try {
    await body(join(folder, "metadata.db"));
  } finally {
    // A story that failed leaves its stores open, and their threads would keep the process alive.
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await rm(folder, { recursive: true });
  }
}

const opened: MetadataStore[] = [];

async function openAt(path: string, options: Partial<SqliteStoreOptions> = {}): Promise<MetadataStore> {
  const store = await openSqliteStore({ path, mayCreate: true, rowSecret, onFailure: unexpected, ...options });
  opened.push(store);
  return store;
}

async function createVaults(store: MetadataStore, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `${index}`);
  await Promise.all(names.map((name) => store.createVault({ id: name, key: keyOf(name), now: 0 })));
}

async function createAt(path: string): Promise<void> {
  const store = await openAt(path);
  await store.createVault({ id: "a", key: keyOf("a"), now: 0 });
  await store.close();
}

function edit(path: string, statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}

/** A store, and the threads that Node says were started for it: the writer, lookups, lists. */
async function watched(
  path: string,
  onFailure: (error: Error) => void,
): Promise<{ store: MetadataStore; workers: Record<ThreadName, Worker> }> {
  const stores: MetadataStore[] = [];
  // The third checks the database in the background, and ends by itself.
  const [writer, lookups] = await startedBy(async () => {
    stores.push(await openAt(path, { onFailure }));
  });
  const [store] = stores;
  const [lists] = await startedBy(() => store?.listVaults(firstPage));
  await once(lists as Worker, "message");
  assert(store !== undefined && writer !== undefined && lookups !== undefined && lists !== undefined);
  return { store, workers: { writer, lookups, lists } };
}

/** Threads that are started while something runs. */
async function startedBy(run: () => Promise<unknown> | undefined): Promise<Worker[]> {
  const workers: Worker[] = [];
  const watch = (message: unknown) => workers.push((message as { worker: Worker }).worker);
  channel("worker_threads").subscribe(watch);
  await run();
  channel("worker_threads").unsubscribe(watch);
  return workers;
}

/** Frames of the log that end a transaction, by the SQLite file format: the fifth to eighth byte say so. */
async function commitsIn(path: string): Promise<number> {
  const log = await readFile(path);
  const frameSizeBytes = 24 + log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  let commits = 0;
  for (let frame = 32; frame + frameSizeBytes <= log.length; frame += frameSizeBytes) {
    const current = log.subarray(frame + 8, frame + 16).equals(salts);
    commits += current && log.readUInt32BE(frame + 4) > 0 ? 1 : 0;
  }
  return commits;
}
