import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import type { ArchiveId } from "@moraine/protocol";
import { serviceFacts } from "../../src/domain/audit.ts";
import { manifestPlace, type Segment } from "../../src/domain/segment.ts";
import type { Damage } from "../../src/domain/vaults/damage.ts";
import type { Restored } from "../../src/repair/orphans/arguments.ts";
import { assertRestored, judge } from "../../src/repair/orphans/judge.ts";
import { ownerFactOf } from "../../src/repair/orphans/owner-facts.ts";
import type { Footer } from "../../src/segments/footer.ts";
import { type PackedId, packHead, unpackId } from "../../src/storage/metadata/tables/packed.ts";
import { readOrphanFooter } from "../../src/verify/orphans/describe-orphan.ts";
import {
  arn,
  createVault,
  deleteArchive,
  eventually,
  finishedJob,
  initiateUpload,
  unknownArchiveId,
  uploadArchive,
  uploadInParts,
  vaultPath,
} from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { storedSegment } from "../support/stored-segment.ts";
import { compared, listedNow, makeOld, openTestPlace, type TestPlace } from "./store.ts";

// Decisions about orphans, over the database of a real server.

const mebibyte = 1024 ** 2;
const now = Date.now();
const hour = 3600 * 1000;

let place: TestPlace;
let server: TestServer;
before(async () => {
  place = await openTestPlace();
  server = await startTestServer({ metadata: place.metadata, blobs: place.blobs, nodes: 1 });
  await createVault(server, "photos");
});
after(async () => {
  await server.stop();
  await place[Symbol.asyncDispose]();
});

interface Judged {
  readonly footer?: Partial<Footer>;
  readonly restored?: Restored;
  readonly isKept?: boolean;
}

/** Stores an orphan of an owner, and judges it. */
async function judged(
  ownerId: string,
  { footer, restored = null, isKept = false }: Judged = {},
): Promise<[boolean, string]> {
  const more = { kind: "archive", vaultArn: arn("photos"), storedAt: now, ...footer } as const;
  const { key } = await storedSegment(place.blobs, ownerId, randomBytes(10), more);
  await makeOld(place, key, 1.01);
  const orphan = (await compared(place)).orphans.find((found) => found.key === key);
  const end = await readOrphanFooter(place.blobs, key);
  assert.ok(orphan !== undefined && end !== null);
  const { isRemovable, reason } = await judge({ ...place, restored, isKept: () => isKept }, orphan, end);
  return [isRemovable, reason];
}

test("a segment of an owner that the database does not know stays, unless nothing newer can be lost", async () => {
  const owner = unknownArchiveId;
  const dayBefore = now - 24 * hour;
  assert.deepEqual((await judged(owner))[0], false);
  assert.match((await judged(owner))[1], /^no archive has it, but a newer database may have known it: give --restored/);
  assert.equal((await judged(owner, { restored: "never" }))[0], true);
  // Both the time in the footer and that of the store have to be later.
  assert.equal((await judged(owner, { restored: dayBefore - 2 * hour }))[0], true);
  assert.equal((await judged(owner, { restored: dayBefore + hour }))[0], false);
  assert.equal(
    (await judged(owner, { restored: dayBefore - 2 * hour, footer: { storedAt: dayBefore - 3 * hour } }))[0],
    false,
  );
});

const needed = [false, "its archive exists, and lacks sound segments: this may be one"];

test("a segment of a live archive is removed only while the archive has all of its bytes in others", async () => {
  const bytes = randomBytes(2 * mebibyte + 5);
  const archiveId = (await uploadInParts(server, "photos", bytes, mebibyte)) as ArchiveId;
  const needless = [true, "its archive has all of its bytes in other segments"];
  assert.deepEqual(await judged(archiveId, { footer: { kind: "part", firstByte: mebibyte } }), needless);
  const manifest = { kind: "manifest", firstByte: manifestPlace } as const;
  assert.deepEqual(await judged(archiveId, { footer: manifest }), needless);
  // The sound bytes of a segment that is suspect may be those of the orphan.
  const range = { firstByte: 0, lastByte: bytes.length - 1 };
  const [, segment] = await place.metadata.segmentsOf({ archiveId, range, limit: 3 });
  assert.ok(segment !== undefined);
  assert.equal(await place.metadata.recordDamage(await damageOf(archiveId, segment)), true);
  assert.deepEqual(
    await judged(archiveId, { restored: "never", footer: { kind: "part", firstByte: mebibyte } }),
    needed,
  );
  assert.deepEqual(await judged(archiveId, { footer: { kind: "part", firstByte: 0 } }), needed);
});

test("the only list of an archive's parts stays", async () => {
  const archiveId = await uploadInParts(server, "photos", randomBytes(2 * mebibyte), mebibyte);
  changeOne("DELETE FROM segments WHERE owner_head = ? AND first_byte = ?", [packHead(archiveId), manifestPlace]);
  const footer = { kind: "manifest", firstByte: manifestPlace } as const;
  assert.deepEqual(await judged(archiveId, { restored: "never", footer }), needed);
});

test("the object of an archive whose segment's row has a damaged name stays", async () => {
  const archiveId = await uploadArchive(server, "photos", randomBytes(100));
  changeOne("UPDATE segments SET name = ? WHERE owner_head = ?", [randomBytes(14), packHead(archiveId)]);
  assert.deepEqual(await judged(archiveId, { restored: "never" }), needed);
});

function changeOne(sql: string, values: readonly (number | string | Uint8Array)[]): void {
  const database = new DatabaseSync(join(place.folder, "moraine.db"));
  const { changes } = database.prepare(sql).run(...values);
  database.close();
  assert.equal(changes, 1);
}

test("a segment of an archive that was deleted, or of an upload that was aborted, is removed", async () => {
  const archiveId = await uploadArchive(server, "photos", randomBytes(100));
  await deleteArchive(server, "photos", archiveId);
  assert.deepEqual(await judged(archiveId), [true, "its archive was deleted"]);

  const uploadId = await initiateUpload(server, "photos", mebibyte);
  const [row] = await place.rows.select(
    "select archive_head as head, archive_tail as tail from uploads where id = $1",
    [uploadId],
  );
  const ofUpload = unpackId(row as unknown as PackedId);
  const footer = { kind: "part" } as const;
  assert.deepEqual(await judged(ofUpload, { footer, restored: "never" }), [
    false,
    "its upload is open: look again once it has ended",
  ]);
  const path = `${vaultPath("photos")}/multipart-uploads/${uploadId}`;
  assert.equal((await server.client.send({ method: "DELETE", path })).status, 204);
  assert.deepEqual(await judged(ofUpload, { footer }), [true, "its upload was aborted"]);
});

test("an inventory is removed that no job offers", async () => {
  const jobId = await finishedJob(server, "photos", { Type: "inventory-retrieval" });
  const footer = { kind: "inventory" } as const;
  assert.deepEqual(await judged(jobId, { footer }), [true, "an inventory that no job offers"]);
  const [row] = await place.rows.select("select output_key as key from jobs where id = $1", [jobId]);
  const offered = await ownerFactOf(place, String(row?.["key"]), { kind: "inventory", firstByte: 0, sizeBytes: 1 });
  assert.deepEqual(offered, { state: "needed", reason: "a job offers it" });
});

test("an object whose end is no footer, that a mark keeps, or whose name a row of another owner has, stays", async () => {
  assert.deepEqual(await judged(unknownArchiveId, { restored: "never", isKept: true }), [
    false,
    "a file in the folder quarantine/ keeps it: look at it, and remove that file first",
  ]);
  const { key } = await storedSegment(place.blobs, unknownArchiveId, randomBytes(10));
  const orphan = { key, sizeBytes: 1, changedAt: now, otherKey: null };
  const judging = { ...place, restored: "never", isKept: () => false } as const;
  assert.equal((await judge(judging, orphan, { problem: "no footer" })).isRemovable, false);
  const end = await readOrphanFooter(place.blobs, key);
  assert.ok(end !== null);
  assert.equal((await judge(judging, orphan, end)).isRemovable, true);
  assert.equal((await judge(judging, { ...orphan, otherKey: "another" }, end)).isRemovable, false);
});

test("the operator's word is refused where the audit trail says otherwise", async () => {
  await assertRestored(place.rows, "never");
  const facts = serviceFacts({ time: now, operation: "RestoreBackup", subject: "backup" });
  await place.metadata.addAuditEntries([facts]);
  await assertRestored(place.rows, null);
  await assertRestored(place.rows, now);
  for (const restored of ["never", now - 1] as const) {
    await assert.rejects(assertRestored(place.rows, restored), /says that the database was restored at /);
  }
});

test("a row of an abandoned segment has a server remove an orphan", async () => {
  const { key, ownerId } = await storedSegment(place.blobs, unknownArchiveId, randomBytes(10));
  await place.metadata.abandonSegment({ key, ownerId });
  assert.deepEqual(await deadKeys(), [key]);
  server.clock.advance(hour);
  await eventually("it is swept", async () => (await deadKeys()).length === 0);
  assert.ok((await listedNow(place)).every((page) => page.blobs.every((blob) => blob.key !== key)));
});

test("a row that somebody has changed removes nothing", async () => {
  const [whole, other] = [randomBytes(100), randomBytes(2 * mebibyte)];
  const jobId = await finishedJob(server, "photos", { Type: "inventory-retrieval" });
  const archiveId = await uploadArchive(server, "photos", whole);
  const owner = packHead(archiveId);
  changeOne("UPDATE archives SET deleted_at = 1, deleted_revision = 1 WHERE id_head = ?", [owner]);
  const damaged = (table: string) => [
    false,
    `the row of its owner in the table ${table} is damaged: see moraine verify`,
  ];
  assert.deepEqual(await judged(archiveId, { restored: "never" }), damaged("archives"));

  const uploadId = await initiateUpload(server, "photos", mebibyte);
  const [row] = await place.rows.select(
    "select archive_head as head, archive_tail as tail from uploads where id = $1",
    [uploadId],
  );
  changeOne("UPDATE uploads SET state = 'aborted' WHERE archive_head = ?", [(row?.["head"] as Uint8Array) ?? owner]);
  const part = { footer: { kind: "part" }, restored: "never" } as const;
  assert.deepEqual(await judged(unpackId(row as unknown as PackedId), part), damaged("uploads"));

  changeOne("UPDATE jobs SET output_key = NULL WHERE id = ?", [jobId]);
  const inventory = { footer: { kind: "inventory" }, restored: "never" } as const;
  assert.deepEqual(await judged(jobId, inventory), damaged("jobs"));

  // The size hides that a segment is missing.
  const parts = (await uploadInParts(server, "photos", other, mebibyte)) as ArchiveId;
  changeOne("DELETE FROM segments WHERE owner_head = ? AND first_byte = ?", [packHead(parts), 0]);
  changeOne("UPDATE segments SET size_bytes = ? WHERE owner_head = ? AND first_byte = ?", [
    ...[2 * mebibyte, packHead(parts), mebibyte],
  ]);
  const footer = { kind: "part", firstByte: mebibyte } as const;
  assert.deepEqual(await judged(parts, { restored: "never", footer }), needed);
});

const deadKeys = () => place.metadata.deadSegments({ afterKey: null, limit: 10 });

async function damageOf(archiveId: ArchiveId, { key, firstByte, sizeBytes }: Segment): Promise<Damage> {
  const owner = await place.metadata.findBytesOwner(archiveId);
  assert.ok(owner !== null);
  const range = { firstByte, lastByte: firstByte + sizeBytes - 1 };
  return { owner, range, segmentKey: key, reason: "on purpose", foundAt: now };
}
