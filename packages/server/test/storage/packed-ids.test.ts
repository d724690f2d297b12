import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { type AccountId, type JobId, type TreeHash, toHex, type UploadId } from "@moraine/protocol";
import { Migrator } from "kysely/migration";
import { newArchiveId, newJobId, newUploadId } from "../../src/domain/new-id.ts";
import type { Segment } from "../../src/domain/segment.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { Archive } from "../../src/domain/vaults/archive.ts";
import { KeySource } from "../../src/storage/blobs/blob-key.ts";
import { up as initial } from "../../src/storage/metadata/migrations/0001-initial.ts";
import { up as settings } from "../../src/storage/metadata/migrations/0002-settings.ts";
import { up as identities } from "../../src/storage/metadata/migrations/0003-identities.ts";
import { up as notifications } from "../../src/storage/metadata/migrations/0004-notifications.ts";
import { up as trustedTime } from "../../src/storage/metadata/migrations/0005-trusted-time.ts";
import { openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { claimAll } from "../support/claims.ts";
import { openInlineStore } from "../support/inline-store.ts";

// A database from before ids were packed, with every kind of row, must answer after its migration as it did before.

const former = {
  "0001-initial": { up: initial },
  "0002-settings": { up: settings },
  "0003-identities": { up: identities },
  "0004-notifications": { up: notifications },
  "0005-trusted-time": { up: trustedTime },
};
const vault = { accountId: "123456789012" as AccountId, region: "us-east-1", vaultName: "photos" };
const everything = { after: null, createdFrom: null, createdBefore: null, limit: 100 };
const keys = new KeySource();
const someHash = (): TreeHash => toHex(randomBytes(32));

interface FormerSegment extends Segment {
  readonly state: string;
  readonly isPlaced?: boolean;
  readonly leaseUntil?: number;
  readonly deletedAt?: number;
}

function archive(more: Partial<Archive> = {}): Archive {
  const createdAt = 1000;
  const common = { vaultId: "inner", description: "old", sizeBytes: 10, treeHash: someHash(), deletedAt: null };
  return { id: newArchiveId(), ...common, createdAt, ...more };
}

function segment(ownerId: string, more: Partial<FormerSegment> = {}): FormerSegment {
  const written = { firstByte: 0, sizeBytes: 10, treeHash: someHash() };
  return { key: keys.next(ownerId), ownerId, state: "live", ...written, ...more };
}

// Created at the same time, so that the order of their ids counts.
const living = Array.from({ length: 20 }, () => archive());
const big = archive({ sizeBytes: 15, createdAt: 2000 });
const deletedBefore = archive({ deletedAt: 2500 });
const deletedAfter = archive({ createdAt: 2100, deletedAt: 4000 });
const elsewhere = archive({ vaultId: "gone", deletedAt: 5 });
const openId = newArchiveId();
const inventoryJobId = newJobId();
const uploadIds = { open: newUploadId(), completed: newUploadId(), aborted: newUploadId() };

const segments = {
  living: living.map(({ id, treeHash }) => segment(id, { treeHash })),
  first: segment(big.id),
  suspect: segment(big.id, { state: "suspect", firstByte: 10, sizeBytes: 5 }),
  deleted: segment(deletedAfter.id, { state: "deleted", deletedAt: 4000 }),
  part: segment(openId, { firstByte: 1024 ** 2, sizeBytes: 7 }),
  replaced: segment(openId, { state: "deleted", isPlaced: false, deletedAt: 3000 }),
  pending: segment(newArchiveId(), { state: "pending", leaseUntil: 10_000 }),
  dead: segment(newArchiveId(), { state: "dead", isPlaced: false }),
  output: segment(inventoryJobId, { sizeBytes: 99 }),
};

let store: MetadataStore;
let path: string;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "packed-ids-test-"));
  path = join(folder, "moraine.db");
  await makeFormer();
  store = await openInlineStore(path);
});

after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function makeFormer(): Promise<void> {
  const { database, db } = openWriting(path, true);
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => former } }).migrateToLatest();
  assert.equal(error, undefined);
  database.exec(`
    INSERT INTO vaults (id, account_id, region, name, created_at, archive_count, archive_bytes, revision,
        inventory_taken_at, inventory_revision, inventory_archive_count, inventory_archive_bytes)
      VALUES ('inner', '${vault.accountId}', 'us-east-1', 'photos', 7, 21, 215, 25, 3000, 24, 22, 225)`);
  insertArchives(database);
  insertSegments(database);
  insertOthers(database);
  database.close();
}

function insertArchives(database: DatabaseSync): void {
  const insert = database.prepare("INSERT INTO archives VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const revisions = new Map([
    [deletedBefore, 23],
    [deletedAfter, 25],
    [elsewhere, 2],
  ]);
  [...living, big, deletedBefore, deletedAfter, elsewhere].forEach((row, index) => {
    const { id, vaultId, description, sizeBytes, treeHash, createdAt, deletedAt } = row;
    const deletedRevision = revisions.get(row) ?? null;
    insert.run(
      id,
      vaultId,
      description,
      sizeBytes,
      treeHash,
      createdAt,
      Math.min(index + 1, 22),
      deletedAt,
      deletedRevision,
    );
  });
}

function insertSegments(database: DatabaseSync): void {
  const insert = database.prepare("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const row of Object.values(segments).flat()) {
    const { key, ownerId, state, firstByte, sizeBytes, treeHash, isPlaced = true, leaseUntil, deletedAt } = row;
    const columns = state === "pending" ? [null, null, null] : [isPlaced ? firstByte : null, sizeBytes, treeHash];
    insert.run(key, ownerId, state, ...columns, leaseUntil ?? null, deletedAt ?? null);
  }
}

function insertOthers(database: DatabaseSync): void {
  database.prepare("INSERT INTO upload_requests VALUES (?, ?, ?)").run("a request", living[0]?.id ?? "", 1000);
  const upload = database.prepare("INSERT INTO uploads VALUES (?, 'inner', ?, 'in parts', 1048576, 500, 600, ?, ?)");
  upload.run(uploadIds.open, openId, "open", null);
  upload.run(uploadIds.completed, big.id, "completed", 2000);
  upload.run(uploadIds.aborted, newArchiveId(), "aborted", 2000);
  const jobColumns = "id, vault_id, action, created_at, due_at, state, fence";
  database
    .prepare(
      `INSERT INTO jobs (${jobColumns}, archive_id, archive_size_bytes, archive_tree_hash, archive_description, tier,
          range_first_byte, range_last_byte)
        VALUES ('a job', 'inner', 'ArchiveRetrieval', 1, 1, 'in_progress', 0, ?, 10, ?, 'old', 'Bulk', 0, 9)`,
    )
    .run(deletedAfter.id, deletedAfter.treeHash);
  database
    .prepare(
      `INSERT INTO jobs (${jobColumns}, status_message, completed_at, inventory_format, output_key, output_size_bytes)
        VALUES (?, 'inner', 'InventoryRetrieval', 1, 1, 'succeeded', 1, 'Succeeded', 50, 'CSV', ?, 99)`,
    )
    .run(inventoryJobId, segments.output.key);
}

const plain = ({ key, ownerId, firstByte, sizeBytes, treeHash }: Segment): Segment => ({
  key,
  ownerId,
  firstByte,
  sizeBytes,
  treeHash,
});

test("a former database's archives are found as they were, deleted ones too", async () => {
  for (const row of [...living, big, deletedBefore, deletedAfter, elsewhere]) {
    assert.deepEqual(await store.findArchive({ vaultId: row.vaultId, archiveId: row.id }), row);
  }
  const cut = { vaultId: "inner", archiveId: `${big.id.slice(0, -1)}${big.id.endsWith("A") ? "Q" : "A"}` };
  assert.equal(await store.findArchive(cut), null, "an id that only begins as another does is not found");
});

test("a former database lists the same inventories in the same order, from the same markers", async () => {
  const byText = [...living].sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = { vaultId: "inner", ...everything };
  assert.deepEqual((await store.inventoryPage({ ...page, revision: 24 })).archives, [...byText, big, deletedAfter]);
  assert.deepEqual((await store.inventoryPage({ ...page, revision: 25 })).archives, [...byText, big]);
  for (const [index, position] of byText.entries()) {
    const { archives: rest } = await store.inventoryPage({ ...page, revision: 25, after: position });
    assert.deepEqual(rest, [...byText.slice(index + 1), big]);
  }
});

test("a former database's segments are found by owner, by place and by key", async () => {
  for (const [index, { id, sizeBytes }] of living.entries()) {
    const range = { firstByte: 0, lastByte: sizeBytes - 1 };
    const found = await store.segmentsOf({ archiveId: id, range, limit: 10 });
    assert.deepEqual(
      found,
      [segments.living[index]].map((row) => row && plain(row)),
    );
  }
  const range = { firstByte: 0, lastByte: 14 };
  const { first, suspect, deleted, output } = segments;
  assert.deepEqual(await store.segmentsOf({ archiveId: big.id, range, limit: 10 }), [first, suspect].map(plain));
  assert.deepEqual(await store.segmentsOf({ archiveId: deletedAfter.id, range, limit: 10 }), [plain(deleted)]);
  assert.deepEqual(await store.findSegment(output.key), plain(output));
  assert.equal(await store.findSegment(segments.pending.key), null);
});

test("a former database's uploads and jobs are as they were", async () => {
  const at = { vaultId: "inner", idleSince: 0 };
  const open = await store.findUpload({ ...at, uploadId: uploadIds.open });
  const known = { vaultId: "inner", description: "in parts", partSizeBytes: 1024 ** 2, createdAt: 500 };
  assert.deepEqual(open, { id: uploadIds.open as UploadId, archiveId: openId, ...known });
  const parts = await store.listParts({ uploadId: uploadIds.open as UploadId, afterByte: null, limit: 10 });
  assert.deepEqual(parts, [plain(segments.part)]);
  const claim = { sizeBytes: 15, treeHash: big.treeHash };
  const completed = {
    ...at,
    vault,
    accessVersion: 0,
    uploadId: uploadIds.completed,
    claim,
    assembled: null,
    now: 2001,
  };
  assert.deepEqual(await store.completeUpload(completed), big);
  const job = await store.findJob({ vaultId: "inner", jobId: "a job", completedSince: 0 });
  assert(job?.action === "ArchiveRetrieval");
  assert.deepEqual([job.archiveId, job.archiveTreeHash], [deletedAfter.id, deletedAfter.treeHash]);
  const inventory = await store.findJob({ vaultId: "inner", jobId: inventoryJobId, completedSince: 0 });
  assert(inventory?.action === "InventoryRetrieval");
  assert.equal(inventory.output?.segmentKey, segments.output.key);
});

test("a former database changes on: requests are recognised, segments condemned and what is deleted let go", async () => {
  const [first] = living;
  const again = archive();
  const intended = segment(again.id);
  await store.recordIntent({ key: intended.key, ownerId: again.id, leaseUntil: 20_000 });
  const request = { key: "a request", madeSince: 0 };
  const kept = await store.addArchive({ archive: again, segment: plain(intended), vault, accessVersion: 0, request });
  assert.deepEqual(kept, first);

  const at = { now: 9999, deletedBefore: 3500, completedSince: 0, limit: 100 };
  const dead = [segments.dead.key, intended.key, segments.replaced.key];
  assert.deepEqual(await condemned(at), dead.sort(byPackedKey));
  await store.forgetSegments(dead);
  // The job in progress keeps what was deleted; the lease has passed.
  const later = { ...at, now: 10_001, deletedBefore: 9000 };
  assert.deepEqual(await condemned(later), [segments.pending.key]);

  await store.removeArchive({ vault, vaultId: "inner", accessVersion: 0, archiveId: first?.id ?? "", now: 9000 });
  const [released] = segments.living;
  assert.deepEqual(await condemned({ ...later, deletedBefore: 9001 }), [
    ...[segments.pending.key, released?.key ?? ""].sort(byPackedKey),
  ]);
  const claimed = await claimAll(store, { now: 100, leaseUntil: 200, limit: 10 });
  assert.deepEqual(
    claimed.map(({ job }) => job.id),
    ["a job" as JobId],
  );
});

test("deleted archives of a former database are forgotten, but not what its last inventory lists", async () => {
  const forgotten = await store.forgetArchives({ deletedBefore: 5000, limit: 100 });
  assert.equal(forgotten, 2);
  assert.equal(await store.findArchive({ vaultId: "inner", archiveId: deletedBefore.id }), null);
  assert.deepEqual(await store.findArchive({ vaultId: "inner", archiveId: deletedAfter.id }), deletedAfter);
});

test("the migrated database is sound, and keeps ids and hashes as bytes", () => {
  const database = new DatabaseSync(path, { readOnly: true });
  assert.deepEqual({ ...database.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  assert.deepEqual(database.prepare("PRAGMA foreign_key_check").all(), []);
  const sizes = database.prepare(
    "SELECT DISTINCT length(id_head) AS head, length(id_tail) AS tail, length(tree_hash) AS hash, typeof(id_head) AS type FROM archives",
  );
  assert.deepEqual(
    sizes.all().map((row) => ({ ...row })),
    [{ head: 16, tail: 88, hash: 32, type: "blob" }],
  );
  database.close();
});

async function condemned(at: Parameters<MetadataStore["markDead"]>[0]): Promise<string[]> {
  await store.markDead(at);
  return store.deadSegments({ afterKey: null, limit: 100 });
}

/** Dead segments come in the order of folder and nonce. */
function byPackedKey(a: string, b: string): number {
  const packed = (key: string) => key.slice(0, 6) + Buffer.from(key.slice(-16), "base64url").toString("hex");
  return packed(a) < packed(b) ? -1 : 1;
}
