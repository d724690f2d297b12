import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { repair } from "./support/repair.ts";
import { untilTrue } from "./support/sdk-client.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { complete, initiate, putPart } from "./support/verify/filled-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { findingsIn } from "./support/verify/look.ts";

// Lists of archives' parts that are damaged or missing: a server writes them again, so that its database can be lost.

const mebibyte = 1024 ** 2;
const parts = [contentOf(2, mebibyte), contentOf(3, mebibyte), contentOf(4, 7)];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let archiveId: string;
before(async () => {
  folder = await temporaryFolder();
  archiveId = await filled(join(folder.path, "data"));
});
after(() => folder[Symbol.asyncDispose]());

async function copied(place: string): Promise<string> {
  await copyOf(join(folder.path, "data"), join(place, "data"));
  return join(place, "data");
}

async function filled(path: string): Promise<string> {
  await using server = await startServer({ dataFolder: path, flags: ["--clock", "manual"] });
  const http = new GlacierHttp(server.url);
  await http.createVault("photos");
  const upload = await initiate(http);
  for (const [index, part] of parts.entries()) {
    await putPart(http, upload, index * mebibyte, part);
  }
  const made = await complete(http, upload, Buffer.concat(parts));
  await http.uploadArchive("photos", contentOf(5, mebibyte), "single");
  http.close();
  await server.stop();
  return made;
}

function inDatabase(path: string, query: string): Array<Record<string, unknown>> {
  const database = new DatabaseSync(join(path, "moraine.db"));
  try {
    return database.prepare(query).all();
  } finally {
    database.close();
  }
}

/** The file of an archive's manifest, as its row names it. */
async function manifestFile(path: string): Promise<string> {
  const [row] = inDatabase(
    path,
    "SELECT substr(hex(name), 5) AS nonce FROM segments WHERE first_byte < 0 AND state IN ('live', 'suspect')",
  );
  const nonce = Buffer.from(String(row?.["nonce"]), "hex").toString("base64url");
  const names = await readdir(join(path, "blobs"), { recursive: true });
  const name = names.find((name) => name.endsWith(nonce));
  assert.ok(name, nonce);
  return join(path, "blobs", name);
}

const startScrubbing = (path: string): Promise<ServerProcess> =>
  startServer({ dataFolder: path, flags: ["--clock", "manual", "--scrub-period", "2d"] });

/** Runs a server until all that is stored has been read in each of the rounds, and returns its log. */
async function scrubbed(path: string, rounds = 1): Promise<string> {
  await using server = await startScrubbing(path);
  const http = new GlacierHttp(server.url);
  const segments = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return [...text.matchAll(/^moraine_scrub_segments_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  };
  const expected = Number(
    inDatabase(path, "SELECT count(*) AS count FROM segments WHERE state IN ('live', 'suspect')")[0]?.["count"],
  );
  for (let round = 1; round <= rounds; round += 1) {
    await http.admin("POST", "/clock", { Seconds: 49 * 3600 });
    await untilTrue("all is read", async () => (await segments()) >= expected * round);
  }
  await untilTrue("its manifest is there", async () => {
    const rows = inDatabase(path, "SELECT 1 FROM segments WHERE first_byte < 0 AND state = 'live'");
    return rows.length === 1;
  });
  http.close();
  return (await server.stop()).stderr;
}

async function isRebuilt(path: string): Promise<void> {
  assert.deepEqual(await findingsIn(path, "deep"), []);
  await rm(join(path, "moraine.db"));
  const { actions, left } = await repair(path);
  const linked = actions.filter(({ code, archive }) => code === "archive-linked" && archive === archiveId);
  assert.deepEqual([linked.length, left], [1, 0], JSON.stringify(actions));
  assert.deepEqual(await findingsIn(path, "deep"), []);
}

const damages: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  "a flipped bit": (file) => flipBit(file, 20),
  "a missing file": (file) => rm(file),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a manifest with ${what} is named and written again, and the archive survives the loss of the database`, async () => {
    await using place = await temporaryFolder();
    const path = await copied(place.path);
    await damage(await manifestFile(path));
    const log = await scrubbed(path);
    assert.match(log, new RegExp(`"archive":"${archiveId}".*"the list of an archive's parts is damaged`));
    assert.match(log, new RegExp(`"archive":"${archiveId}".*"the list of an archive's parts was written again"`));
    await isRebuilt(path);
  });
}

test("an archive of a version without manifests gets one, once, and a single upload gets none", async () => {
  await using place = await temporaryFolder();
  const path = await copied(place.path);
  await rm(await manifestFile(path));
  inDatabase(path, "DELETE FROM segments WHERE first_byte < 0 RETURNING name");
  const written = /"the list of an archive's parts was written again"/g;
  assert.equal([...(await scrubbed(path, 2)).matchAll(written)].length, 1);
  await isRebuilt(path);
});

test("a manifest is not written from rows that do not make the archive, and its damage stays named", async () => {
  await using place = await temporaryFolder();
  const path = await copied(place.path);
  await flipBit(await manifestFile(path), 20);
  inDatabase(path, `DELETE FROM segments WHERE first_byte = ${mebibyte} RETURNING name`);
  await using server = await startScrubbing(path);
  const http = new GlacierHttp(server.url);
  await http.admin("POST", "/clock", { Seconds: 49 * 3600 });
  const damaged = async () =>
    ((await http.admin("GET", "/damaged")) as { DamagedArchives: Array<Record<string, unknown>> }).DamagedArchives;
  await untilTrue("it is listed", async () => (await damaged()).length === 1);
  const [found] = await damaged();
  assert.deepEqual([found?.["ArchiveId"], found?.["ByteRange"]], [archiveId, "manifest"]);
  http.close();
  const { stderr } = await server.stop();
  assert.match(stderr, /the rows of the archive's parts do not make it/);
});
