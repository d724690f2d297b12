import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MultipartUpload } from "../../src/domain/vaults/multipart-upload.ts";
import { type Connection, openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { runChanges } from "../../src/storage/metadata/sqlite/sqlite-transactions.ts";
import { useRowKey } from "../../src/storage/metadata/tables/row-macs/row-seal.ts";
import { day, joinedHash, keyOf, start, unchanged, World } from "../contract/metadata/world.ts";
import { rowSecret, testSecret } from "../support/row-secret.ts";

// One change at a time is made to the database, and all others wait for it: none may change many rows.

const partCount = 500;
const clientRowsMax = 25;
const roundRows = 100;
/** A round may change a few rows for each that it is asked for. */
const roundRowsMax = 4 * roundRows;
const numbers = Array.from({ length: partCount }, (_, index) => index);
const later = { idleSince: start + day, now: start + 2 * day };

test("aborting an upload changes few rows, however many parts it has, and they go in rounds", async () => {
  const uploads: MultipartUpload[] = [];
  await withDatabase(
    async (world) => {
      uploads.push(await uploadOfMany(world));
    },
    async ({ change, rounds, states }) => {
      const [upload] = uploads;
      assert.ok(upload !== undefined);
      const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start - day, now: start };
      assert.ok((await change("abortUpload", at)).rows <= clientRowsMax);
      await rounds("releaseSegments", { limit: roundRows });
      assert.deepEqual(states(), [{ state: "deleted", count: partCount }]);
    },
  );
});

test("deleting an archive changes few rows, however many parts it has, and they go in rounds", async () => {
  let removal = {};
  await withDatabase(
    async (world) => {
      const upload = await uploadOfMany(world);
      const parts = await listed(world, upload);
      const claim = { sizeBytes: partCount * upload.partSizeBytes, treeHash: joinedHash(parts) };
      const at = { ...unchanged(upload), uploadId: upload.id, claim, idleSince: start - day, now: start };
      const { id: archiveId } = await world.complete(at);
      removal = { ...unchanged(upload), archiveId, now: start };
    },
    async ({ change, rounds, states }) => {
      assert.ok((await change("removeArchive", removal)).rows <= clientRowsMax);
      await rounds("releaseSegments", { limit: roundRows });
      assert.deepEqual(states(), [{ state: "deleted", count: partCount + 1 }]);
    },
  );
});

test("uploads expire in rounds that change few rows, however many parts they have", async () => {
  await withDatabase(
    async (world) => {
      await uploadOfMany(world);
      await uploadOfMany(world, "other");
    },
    async ({ change, rounds, states }) => {
      assert.ok((await change("expireUploads", { ...later, limit: 2 })).rows <= 2 * clientRowsMax);
      await rounds("releaseSegments", { limit: roundRows });
      assert.deepEqual(states(), [{ state: "deleted", count: 2 * partCount }]);
      await rounds("forgetUploads", { endedBefore: start + 3 * day, limit: 1 });
    },
  );
});

test("a vault goes at once and changes few rows, however many jobs and uploads it has, and they go in rounds", async () => {
  await withDatabase(
    async (world) => {
      const vault = await world.vault();
      await Promise.all(numbers.map(() => world.inventoryJob(vault)));
      const uploads = await Promise.all(numbers.map(() => world.upload(vault)));
      await Promise.all(uploads.map((upload) => world.part(upload, 0)));
    },
    async ({ change, rounds, states, count }) => {
      const removal = { key: keyOf("photos"), profile: "practical", expectedVersion: 0, now: start };
      assert.ok((await change("removeVault", removal)).rows <= clientRowsMax);
      const turn = { lane: "inventory", now: start, leaseUntil: start + day, limit: 10 };
      const claimed = await change("claimJobs", { ...turn, after: null, perAccountMax: 10, held: {} });
      assert.deepEqual(claimed.value, []);
      assert.ok(claimed.rows <= 100, String(claimed.rows));
      await rounds("clearVaults", { limit: roundRows });
      assert.deepEqual([count("jobs"), count("uploads"), count("removed_vaults")], [0, 0, 0]);
      assert.deepEqual(states(), [{ state: "deleted", count: partCount }]);
    },
  );
});

test("requests of uploads are forgotten in rounds", async () => {
  await withDatabase(
    async (world) => {
      const vault = await world.vault();
      const request = (number: number) => ({ key: `request ${number}`, madeSince: start - day });
      await Promise.all(numbers.map((number) => world.archive(vault, { request: request(number) })));
    },
    async ({ rounds, count }) => {
      await rounds("forgetRequests", { madeBefore: start + day, limit: roundRows });
      assert.equal(count("upload_requests"), 0);
    },
  );
});

async function uploadOfMany(world: World, vaultName = "photos"): Promise<MultipartUpload> {
  const upload = await world.upload(await world.vault(vaultName));
  await Promise.all(numbers.map((number) => world.part(upload, number)));
  return upload;
}

const listed = (world: World, upload: MultipartUpload) =>
  world.store.listParts({ uploadId: upload.id, afterByte: null, limit: partCount });

interface Changing {
  /** Makes one change; returns its result, and how many rows it inserted, updated and deleted. */
  change(method: string, input: object): Promise<{ value: unknown; rows: number }>;
  /** Repeats a change until it comes out short, and looks at the rows of each. */
  rounds(method: string, input: { limit: number; [name: string]: unknown }): Promise<void>;
  /** How many segments are in which state. */
  states(): unknown[];
  count(table: string): number;
}

async function withDatabase(
  fill: (world: World) => Promise<void>,
  body: (changing: Changing) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-bounded-changes-"));
  try {
    const path = join(folder, "moraine.db");
    const onFailure = (error: Error) => {
      throw error;
    };
    const store = await openSqliteStore({ path, mayCreate: true, rowSecret, onFailure });
    await fill(new World(store));
    await store.close();
    const connection = openWriting(path, false);
    useRowKey(connection.db, testSecret.key);
    await body(changingOf(connection));
    connection.database.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}

function changingOf(connection: Connection): Changing {
  const { database } = connection;
  const totalChanges = () => Number(database.prepare("SELECT total_changes() AS count").get()?.["count"]);
  const change: Changing["change"] = async (method, input) => {
    const before = totalChanges();
    const [outcome] = await runChanges(connection, [{ method, input }]);
    assert(outcome !== undefined && "value" in outcome, JSON.stringify(outcome));
    return { value: outcome.value, rows: totalChanges() - before };
  };
  return {
    change,
    async rounds(method, input) {
      for (let done = input.limit; done === input.limit; ) {
        const { value, rows } = await change(method, input);
        assert.ok(rows <= roundRowsMax, `${method} changed ${rows} rows`);
        done = Number(value);
      }
    },
    states: () =>
      database
        .prepare("SELECT state, count(*) AS count FROM segments GROUP BY state")
        .all()
        .map((row) => ({ ...row })),
    count: (table) => Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"]),
  };
}
