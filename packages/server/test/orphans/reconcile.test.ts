import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import type { Segment } from "../../src/domain/segment.ts";
import { packKey } from "../../src/storage/metadata/tables/packed.ts";
import { arn, createVault, uploadArchive } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { storedSegment } from "../support/stored-segment.ts";
import { compared, listedNow, makeOld, openTestPlace, type TestPlace } from "./store.ts";

// The comparison of what is stored with the rows, over a real database and real files.

let place: TestPlace;
let server: TestServer;
beforeEach(async () => {
  place = await openTestPlace();
  server = await startTestServer({ metadata: place.metadata, blobs: place.blobs, nodes: 1 });
  await createVault(server, "photos");
});
afterEach(async () => {
  await server.stop();
  await place[Symbol.asyncDispose]();
});

const upload = async (): Promise<string> => {
  const archiveId = await uploadArchive(server, "photos", randomBytes(100));
  const [blob] = (await listedNow(place)).flatMap(({ blobs }) => blobs).filter(({ key }) => key.includes(archiveId));
  return blob?.key ?? "";
};
const orphan = async (ownerId = `owner${randomBytes(6).toString("hex")}`): Promise<Segment> => {
  const segment = await storedSegment(place.blobs, ownerId, randomBytes(50), { vaultArn: arn("photos") });
  await makeOld(place, segment.key);
  return segment;
};
const keysOf = (found: Awaited<ReturnType<typeof compared>>) => ({
  orphans: found.orphans.map(({ key }) => key),
  missing: found.missing,
  foreign: found.foreign,
});
const nothing = { orphans: [], missing: [], foreign: [] };

test("names old blobs without a row, in any number of folders, and no others", async () => {
  for (let index = 0; index < 5; index += 1) {
    await makeOld(place, await upload());
  }
  assert.deepEqual(keysOf(await compared(place)), nothing);
  const orphans: string[] = [];
  for (let index = 0; index < 8; index += 1) {
    orphans.push((await orphan()).key);
    const elsewhere = `${String(index).repeat(2)}/0${index}/owner.${String(index).repeat(16)}`;
    await mkdir(join(place.folder, "blobs", elsewhere.slice(0, 5)), { recursive: true });
    await writeFile(join(place.folder, "blobs", elsewhere), "");
    await makeOld(place, elsewhere);
    orphans.push(elsewhere);
  }
  const found = await compared(place);
  assert.deepEqual(new Set(found.orphans.map(({ key }) => key)), new Set(orphans));
  assert.deepEqual([found.orphans.length, found.missing, found.foreign], [16, [], []]);
  assert.deepEqual([found.totals.objects, found.totals.segments, found.totals.young], [21, 5, 0]);
});

test("judges no blob that changed within the age", async () => {
  const { key } = await orphan();
  await makeOld(place, key, 0.9);
  const found = await compared(place);
  assert.deepEqual(keysOf(found), nothing);
  assert.equal(found.totals.young, 1);
  await makeOld(place, key, 1.1);
  assert.deepEqual(keysOf(await compared(place)), { ...nothing, orphans: [key] });
});

test("a blob with a row in any state is no orphan, and only referenced rows need one", async () => {
  const { metadata } = place;
  for (const state of ["pending", "dead"]) {
    for (const isStored of [true, false]) {
      const { key, ownerId } = await orphan();
      await metadata.recordIntent({ key, ownerId, leaseUntil: Date.now() + 1e12 });
      if (state === "dead") {
        await metadata.abandonSegment({ key, ownerId });
      }
      if (!isStored) {
        await rm(join(place.folder, "blobs", key));
      }
    }
  }
  assert.deepEqual(keysOf(await compared(place)), nothing);
});

test("names rows whose blob is missing, also in folders and after folders that have none", async () => {
  const key = await upload();
  await rm(join(place.folder, "blobs", key));
  assert.deepEqual(keysOf(await compared(place)), { ...nothing, missing: [key] });
  const later = "ff/ff/owner.0000000000000000";
  await mkdir(join(place.folder, "blobs/ff/ff"), { recursive: true });
  await writeFile(join(place.folder, "blobs", later), "");
  assert.deepEqual(keysOf(await compared(place)), { ...nothing, missing: [key] });
});

test("names nothing that changes while a stale list is compared", async () => {
  const removed = await orphan();
  const early = await upload();
  const pages = await listedNow(place);
  // Stored after the list, and removed with its row after it.
  await makeOld(place, await upload());
  const { key, ownerId } = await orphan();
  await place.metadata.recordIntent({ key, ownerId, leaseUntil: Date.now() + 1e12 });
  const stale = { ...place, blobs: { open: place.blobs.open.bind(place.blobs), list: () => asyncOf(pages) } };
  assert.deepEqual(keysOf(await compared(stale)), { ...nothing, orphans: [removed.key] });
  const empty = { ...stale, blobs: { ...stale.blobs, list: () => asyncOf([]) } };
  assert.deepEqual(keysOf(await compared(empty)), nothing, `${early} exists though it is not listed`);
});

test("names no row that goes away while its blob is looked for", async () => {
  const key = await upload();
  await rm(join(place.folder, "blobs", key));
  const open = async (asked: string) => {
    const database = new DatabaseSync(join(place.folder, "moraine.db"));
    database.prepare("DELETE FROM segments WHERE name = ?").run(packKey(asked));
    database.close();
    return place.blobs.open(asked);
  };
  const list = () => place.blobs.list("");
  assert.deepEqual(keysOf(await compared({ ...place, blobs: { list, open } })), nothing);
});

test("a list out of order changes no finding", async () => {
  const lost = await upload();
  await rm(join(place.folder, "blobs", lost));
  for (let index = 0; index < 3; index += 1) {
    await makeOld(place, await upload());
  }
  const expected = [(await orphan()).key, "00/00/owner.0000000000000000", "ff/ff/owner.0000000000000000"];
  for (const key of expected.slice(1)) {
    await mkdir(join(place.folder, "blobs", key.slice(0, 5)), { recursive: true });
    await writeFile(join(place.folder, "blobs", key), "");
    await makeOld(place, key);
  }
  const pages = (await listedNow(place)).map((page) => ({ ...page, blobs: page.blobs.toReversed() }));
  const reversed = { ...place, blobs: { open: place.blobs.open.bind(place.blobs), list: () => asyncOf(pages) } };
  const found = keysOf(await compared(reversed));
  assert.deepEqual(
    { ...found, orphans: found.orphans.toSorted() },
    {
      ...nothing,
      orphans: expected.toSorted(),
      missing: [lost],
    },
  );
});

test("names files that are no blobs as foreign, and says whose row has the name of another owner's blob", async () => {
  const key = await upload();
  const twin = key.replace(/\/[^/.]+\./, "/another.");
  for (const name of ["foreign", "ab/foreign", "ab/cd/foreign", twin]) {
    await mkdir(join(place.folder, "blobs/ab/cd"), { recursive: true });
    await writeFile(join(place.folder, "blobs", name), "");
    await makeOld(place, name);
  }
  const found = await compared(place);
  assert.deepEqual(found.foreign, ["ab/cd/foreign", "ab/foreign", "foreign"]);
  assert.deepEqual(
    found.orphans.map(({ key: orphaned, otherKey }) => [orphaned, otherKey]),
    [[twin, key]],
  );
  assert.deepEqual(found.missing, []);
});

async function* asyncOf<Item>(items: readonly Item[]): AsyncGenerator<Item, void, void> {
  yield* items;
}
