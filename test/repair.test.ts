import assert from "node:assert/strict";
import { chmod, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { newArchiveId } from "../packages/server/src/domain/new-id.ts";
import { FilesystemBlobStore } from "../packages/server/src/storage/blobs/filesystem.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { storedSegment } from "../packages/server/test/support/stored-segment.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { archivesIn, repair } from "./support/repair.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { arn, complete, ids, initiate, putPart } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// Folders whose database is lost or older, repaired in this process, and served again.

const mebibyte = 1024 ** 2;
const contents = {
  single: contentOf(1, 2 * mebibyte + 5),
  parts: Buffer.concat([contentOf(2, mebibyte), contentOf(3, mebibyte), contentOf(4, 7)]),
  other: contentOf(5, 100),
  deleted: contentOf(6, 100),
};

interface Inventory {
  readonly ArchiveList: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

let folders: Folders;
/** The inventories of the server that filled the folders. */
let listed: Record<string, Inventory["ArchiveList"]>;
before(async () => {
  folders = await filledFolders();
  await using copy = await damagedCopy(async () => undefined);
  listed = await served(copy.path, async (http) => ({
    photos: await inventoryOf(http, "photos"),
    other: await inventoryOf(http, "other"),
  }));
});
after(() => folders[Symbol.asyncDispose]());

async function damagedCopy(damage: (path: string) => Promise<unknown>) {
  const place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  await damage(path);
  return { path, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

const loseDatabase = (path: string) => rm(join(path, "moraine.db"));

async function served<Result>(path: string, use: (http: GlacierHttp) => Promise<Result>): Promise<Result> {
  await using server = await startServer({ dataFolder: path, flags: ["--inventory-delay", "0"] });
  const http = new GlacierHttp(server.url);
  try {
    return await use(http);
  } finally {
    http.close();
    await server.stop();
  }
}

async function inventoryOf(http: GlacierHttp, vault: string): Promise<Inventory["ArchiveList"]> {
  const job = await http.initiateJob(vault, { Type: "inventory-retrieval", Format: "JSON" });
  await http.jobSucceeded(vault, job);
  const { body } = await http.demand({ method: "GET", path: `/-/vaults/${vault}/jobs/${job}/output` });
  return (JSON.parse(body.toString()) as Inventory).ArchiveList;
}

const byId = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>) =>
  String(one["ArchiveId"]) < String(other["ArchiveId"]) ? -1 : 1;

test("a lost database is rebuilt: every archive is served and listed as before", async () => {
  await using copy = await damagedCopy(loseDatabase);
  const before = await stateOf(copy.path);
  const planned = await repair(copy.path, { isApplied: false });
  assert.deepEqual(await stateOf(copy.path), before, "a dry run changes nothing");
  assert.ok(planned.left > 0);
  const done = await repair(copy.path);
  assert.deepEqual(done.actions, planned.actions, "what was planned is done");
  assert.equal(done.left, 0);
  const linked = done.actions.filter(({ code }) => code === "archive-linked").map(({ archive }) => archive);
  assert.deepEqual(linked.toSorted(), [ids.single, ids.parts, ids.other, ids.deleted].toSorted());
  assert.deepEqual(await findingsIn(copy.path, "deep"), []);
  await served(copy.path, async (http) => {
    const photos = await inventoryOf(http, "photos");
    const others = photos.filter(({ ArchiveId }) => ArchiveId !== ids.deleted);
    assert.equal(others.length + 1, photos.length, "the archive that was deleted within the last day is back");
    assert.deepEqual(others.toSorted(byId), listed["photos"]?.toSorted(byId));
    assert.deepEqual(await inventoryOf(http, "other"), listed["other"]);
    for (const [name, vault] of [
      ["single", "photos"],
      ["parts", "photos"],
      ["other", "other"],
      ["deleted", "photos"],
    ] as const) {
      assert.ok((await http.retrieve(vault, ids[name])).equals(contents[name]), name);
    }
  });
  assert.deepEqual(await findingsIn(copy.path, "deep"), []);
});
test("nothing in a rebuilt vault can be deleted before its access policy is removed", async () => {
  await using copy = await damagedCopy(loseDatabase);
  await repair(copy.path);
  await served(copy.path, async (http) => {
    await assert.rejects(http.deleteArchive("other", ids.other), { code: "AccessDeniedException" });
    const path = "/-/vaults/other/access-policy";
    const { body } = await http.demand({ method: "GET", path });
    assert.match(body.toString(), /rebuilt-by-moraine-repair/);
    await http.demand({ method: "DELETE", path });
    await http.deleteArchive("other", ids.other);
  });
});

test("a database that cannot be read is kept in the quarantine, and rebuilt", async () => {
  await using copy = await damagedCopy(async (path) => writeFile(join(path, "moraine.db"), "no database at all"));
  const { left } = await repair(copy.path);
  assert.equal(left, 0);
  assert.equal(await readFile(join(copy.path, "quarantine", "moraine.db"), "utf8"), "no database at all");
  assert.deepEqual(await findingsIn(copy.path, "deep"), []);
});

test("a database that can be read is rebuilt only when that is asked for", async () => {
  await using copy = await damagedCopy(async () => undefined);
  const before = await stateOf(copy.path);
  assert.deepEqual((await repair(copy.path, { isApplied: false })).actions, []);
  assert.deepEqual(await stateOf(copy.path), before);
  const { totals, left } = await repair(copy.path, { isRebuilt: true });
  assert.deepEqual([totals.archives, left], [4, 0]);
});

test("archives that an older database does not know are linked, and it is served again", async () => {
  for (const isMarkerKept of [true, false]) {
    await using copy = await damagedCopy(async (path) => {
      await cp(folders.yesterday, join(path, "moraine.db"));
      await rm(join(path, "history.json"), { force: !isMarkerKept, recursive: false });
      if (isMarkerKept) {
        await cp(join(folders.stopped, "history.json"), join(path, "history.json"));
      }
    });
    const { totals, left, actions } = await repair(copy.path);
    assert.deepEqual([totals.archives, left], [4, 0]);
    assert.ok(!actions.some(({ code }) => code === "database-rebuilt"));
    assert.deepEqual(await findingsIn(copy.path, "deep"), []);
    await served(copy.path, async (http) => {
      assert.ok((await http.retrieve("photos", ids.parts)).equals(contents.parts));
      assert.deepEqual(await inventoryOf(http, "other"), listed["other"]);
    });
  }
});

test("a damaged segment is named, and only its archive fails to read", async () => {
  const partOf = async (path: string) => {
    const files = await Promise.all([0, 1, 2, 3].map((index) => fileOf(path, ids.parts, index)));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return files[sizes.findIndex((size) => size > mebibyte)] ?? "";
  };
  let damaged = "";
  await using copy = await damagedCopy(async (path) => {
    await loseDatabase(path);
    damaged = await partOf(path);
    await chmod(damaged, 0o600);
    await truncate(damaged, 1000);
    const single = await fileOf(path, ids.other);
    await chmod(single, 0o600);
    await truncate(single, 50);
  });
  const { actions, left } = await repair(copy.path);
  const named = actions.filter(({ code }) => code === "segment-damaged");
  assert.deepEqual(
    named.map(({ archive }) => archive),
    [ids.parts, ids.other],
  );
  assert.equal(named[0]?.file, relative(copy.path, damaged));
  assert.equal(left, 2);
  await served(copy.path, async (http) => {
    await assert.rejects(http.retrieve("photos", ids.parts));
    assert.ok((await http.retrieve("photos", ids.single)).equals(contents.single));
    assert.ok((await http.inventory("photos")).some(({ ArchiveId }) => ArchiveId === ids.parts));
  });
});

test("a suspect segment that proves sound is live again, and one that does not stays suspect", async () => {
  const flip = async (path: string, owner: string) => {
    const file = await fileOf(path, owner);
    await chmod(file, 0o600);
    await flipBit(file, 10);
    await chmod(file, 0o400);
  };
  await using copy = await damagedCopy(async () => undefined);
  await flip(copy.path, ids.single);
  await flip(copy.path, ids.other);
  await served(copy.path, async (http) => {
    await assert.rejects(http.retrieve("photos", ids.single));
    await assert.rejects(http.retrieve("other", ids.other));
  });
  await flip(copy.path, ids.single);
  const { actions, left } = await repair(copy.path);
  assert.deepEqual(actions.map(({ code, archive }) => [code, archive]).toSorted(), [
    ["segment-damaged", ids.other],
    ["segment-sound", ids.single],
  ]);
  assert.equal(left, 1);
  const findings = await findingsIn(copy.path, "deep");
  assert.deepEqual(new Set(findings.map(({ archive }) => archive)), new Set([ids.other]));
  await served(copy.path, async (http) => {
    assert.ok((await http.retrieve("photos", ids.single)).equals(contents.single));
    await assert.rejects(http.retrieve("other", ids.other));
  });
});

test("files that are no segments are quarantined under names of their own", async () => {
  await using copy = await damagedCopy(async (path) => {
    await mkdir(join(path, "quarantine"));
    for (const [folder, text] of [
      ["quarantine", "earlier"],
      ["blobs", "notes"],
      ["blobs/00", "other notes"],
    ] as const) {
      await mkdir(join(path, folder), { recursive: true });
      await writeFile(join(path, folder, "notes.txt"), text);
    }
  });
  const { left, actions } = await repair(copy.path);
  assert.deepEqual([left, actions.map(({ code }) => code)], [0, ["file-quarantined", "file-quarantined"]]);
  const names = await readdir(join(copy.path, "quarantine"));
  const texts = await Promise.all(names.map((name) => readFile(join(copy.path, "quarantine", name), "utf8")));
  assert.deepEqual(texts.toSorted(), ["earlier", "notes", "other notes"]);
  assert.deepEqual(await findingsIn(copy.path, "quick"), []);
});

test("an archive of one segment of an earlier version is linked, and parts of such versions are named", async () => {
  const [alone, inParts] = [newArchiveId(), newArchiveId()];
  const vaultArn = arn("photos");
  await using copy = await damagedCopy(async (path) => {
    await loseDatabase(path);
    const store = new FilesystemBlobStore(path);
    await store.prepare();
    await storedSegment(store, alone, contentOf(8, 10), { vaultArn });
    await storedSegment(store, inParts, contentOf(9, mebibyte), { vaultArn });
    await storedSegment(store, inParts, contentOf(10, 7), { vaultArn, firstByte: mebibyte });
  });
  const { actions, left } = await repair(copy.path);
  const codesOf = (id: string) => actions.filter(({ archive }) => archive === id).map(({ code }) => code);
  assert.deepEqual(codesOf(alone), ["archive-linked"]);
  assert.deepEqual(codesOf(inParts), ["undecided", "undecided"]);
  assert.equal(left, 2);
});

test("200 archives come back as they were, without parts that were replaced or never completed", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  const before = await served(path, async (http) => {
    await http.createVault("photos");
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let number = worker; number < 180; number += 8) {
          await http.uploadArchive("photos", contentOf(number, 20 + number), `single ${number}`);
        }
      }),
    );
    for (let number = 0; number < 20; number += 1) {
      // A part of the same place and size is replaced: nothing but the manifest tells which one counts.
      const uploadId = await initiate(http);
      await putPart(http, uploadId, 0, contentOf(500 + number, 30));
      await putPart(http, uploadId, 0, contentOf(1000 + number, 30));
      await complete(http, uploadId, contentOf(1000 + number, 30));
    }
    await putPart(http, await initiate(http), 0, contentOf(9, 30));
    return inventoryOf(http, "photos");
  });
  assert.equal(before.length, 200);
  const rows = archivesIn(path);
  await loseDatabase(path);
  const { totals, actions } = await repair(path);
  assert.deepEqual([totals.archives, totals.left], [200, 0]);
  assert.deepEqual(archivesIn(path), rows);
  const moved = actions.filter(({ code }) => code === "file-quarantined").map(({ message }) => message);
  assert.equal(moved.filter((message) => message.includes("replaced")).length, 20);
  assert.equal(moved.filter((message) => message.includes("not completed")).length, 1);
  assert.deepEqual(await findingsIn(path, "deep"), []);
  const after = await served(path, (http) => inventoryOf(http, "photos"));
  assert.deepEqual(after.toSorted(byId), before.toSorted(byId));
});
