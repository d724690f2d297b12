import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, open, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { secondsPer } from "@moraine/protocol";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { type Ending, runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A database that has lost what was acknowledged, in whatever way: the server refuses it, or keeps the bytes that it does not know.

const vault = "kept";
const archiveCount = 10;

for (const { what, damage, reason } of [
  {
    what: "the log is lost",
    damage: (folder: string) => rm(join(folder, "moraine.db-wal")),
    reason: /log .*moraine\.db-wal is missing or empty: the last changes are lost/,
  },
  {
    what: "the log is emptied",
    damage: (folder: string) => truncate(join(folder, "moraine.db-wal")),
    reason: /log .*moraine\.db-wal is missing or empty: the last changes are lost/,
  },
  {
    what: "one bit of the log's first frame is flipped",
    damage: (folder: string) => flipBit(join(folder, "moraine.db-wal"), 32 + 24 + 100),
    reason: /log .*moraine\.db-wal is damaged: committed changes are missing in the middle of it/,
  },
  {
    what: "one bit of the log's header is flipped",
    damage: (folder: string) => flipBit(join(folder, "moraine.db-wal"), 17),
    reason: /log .*moraine\.db-wal is damaged/,
  },
  {
    what: "the second half of the log is cut off",
    damage: (folder: string) => halve(join(folder, "moraine.db-wal")),
    reason: /holds \d+ segments, stored since .+, that the database does not know/,
  },
  {
    what: "the log is replaced by an earlier one",
    damage: (folder: string) => rename(join(folder, "earlier-wal"), join(folder, "moraine.db-wal")),
    reason: /holds \d+ segments, stored since .+, that the database does not know/,
  },
] as const) {
  test(`a start is refused when ${what} after a kill, and changes nothing`, async () => {
    await using folder = await temporaryFolder();
    await killedServer(folder.path);
    await damage(folder.path);
    await assertRefused(folder.path, reason);
    await assertRefused(folder.path, /has lost acknowledged changes: .*Restore the database from a backup/);
  });
}

test("the rest of a lost log is served once the operator has removed the marker, and no segment is removed", async () => {
  await using folder = await temporaryFolder();
  await killedServer(folder.path);
  await rm(join(folder.path, "moraine.db-wal"));
  await rm(join(folder.path, "earlier-wal"));
  const before = await hashesIn(folder.path);
  await rm(join(folder.path, "history.json"));
  await using server = await startServer({ dataFolder: folder.path });
  await swept(folder.path);
  const ending = await server.stop();
  assert.match(warningsOf(ending), /restored from a copy: it is of generation \d+, and no history\.json exists/);
  assertBytesKept(before, await hashesIn(folder.path));
  await using again = await startServer({ dataFolder: folder.path });
  assert.equal(warningsOf(await again.stop()), "");
});

for (const { what, damage } of [
  {
    what: "removed",
    damage: async (folder: string) => {
      for (const end of ["", "-wal", "-shm"]) {
        await rm(join(folder, `moraine.db${end}`), { force: true });
      }
    },
  },
  { what: "emptied", damage: (folder: string) => truncate(join(folder, "moraine.db")) },
  { what: "left without its tables, which were in a log that is lost", damage: leaveHeader },
] as const) {
  test(`a start is refused when the database was ${what}, and changes nothing`, async () => {
    await using folder = await temporaryFolder();
    await killedServer(folder.path);
    await rm(join(folder.path, "earlier-wal"));
    await damage(folder.path);
    await assertRefused(folder.path, /moraine\.db is missing( or empty)?; restore it from a backup/);
    // Also in the folder of an earlier version, which knew no marker.
    await rm(join(folder.path, "history.json"));
    await assertRefused(folder.path, /moraine\.db is missing( or empty)?; restore it from a backup/);
  });
}

test("a copy of a database that is put in the place of one with a log is refused, and changes nothing", async () => {
  await using folder = await temporaryFolder();
  await killedServer(folder.path, async () => vacuumInto(folder.path, "copy.db"));
  await rename(join(folder.path, "copy.db"), join(folder.path, "moraine.db"));
  await assertRefused(folder.path, /holds a copy of a database with the log of another: remove .*-wal and .*-shm/);
});

test("a server that was killed, or ended in order, starts without a word", async () => {
  await using folder = await temporaryFolder();
  await killedServer(folder.path);
  for (const end of ["kill", "stop", "kill", "kill", "stop"] as const) {
    await using server = await startServer({ dataFolder: folder.path });
    assert.equal(warningsOf(await server[end]()), "");
  }
  assert.deepEqual(JSON.parse(await readFile(join(folder.path, "history.json"), "utf8")).state, "closed");
});

test("an earlier version's folder without a marker is taken once, whether that version was killed or not", async () => {
  await using folder = await temporaryFolder();
  await killedServer(folder.path);
  // As that version left it: nothing counts its generations.
  await rm(join(folder.path, "history.json"));
  const database = new DatabaseSync(join(folder.path, "moraine.db"));
  database.exec("UPDATE history SET generation = 0");
  database.close();
  await using server = await startServer({ dataFolder: folder.path });
  assert.equal(warningsOf(await server.kill()), "");
  await using again = await startServer({ dataFolder: folder.path });
  assert.equal(warningsOf(await again.stop()), "");
});

for (const end of ["stop", "kill"] as const) {
  test(`after a ${end}, a copy of the database from before keeps every byte that was acknowledged since`, async () => {
    await using folder = await temporaryFolder();
    const flags = ["--clock", "manual", "--trust-clock"];
    const server = await startServer({ dataFolder: folder.path, flags });
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault(vault);
    const upload = await beginUpload(glacier);
    const copied = await uploadWhileCopying(glacier, folder.path);
    await completeUpload(glacier, upload);
    glacier.close();
    await server[end]();
    if (end === "kill") {
      // Another run, so that the copy is not of the last one.
      const other = await startServer({ dataFolder: folder.path, flags });
      await other.stop();
    }
    const before = await hashesIn(folder.path);
    await rename(join(folder.path, "copy.db"), join(folder.path, "moraine.db"));

    await using restored = await startServer({ dataFolder: folder.path, flags });
    const after = new GlacierHttp(restored.url);
    await swept(folder.path);
    // Late enough that the upload, which is open in the copy, expires, and its parts are swept too.
    for (let day = 0; day < 4; day += 1) {
      await after.admin("POST", "/clock", { Seconds: secondsPer.day + 1 });
      await swept(folder.path);
    }
    after.close();
    const warnings = warningsOf(await restored.stop());
    assertBytesKept(before, await hashesIn(folder.path));
    assert.match(warnings, /restored from a copy: it is of generation 1, and history\.json says \d/);
    assert.match(warnings, /quarantine holds \d+ files of \d+ bytes/);
    assert.ok(copied > 0);
  });
}

/** A server that has stored archives and was killed; leaves its log of before the last ones as `earlier-wal`. */
async function killedServer(dataFolder: string, meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
  const server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
  for (let index = 0; index < archiveCount; index += 1) {
    if (index === archiveCount / 2) {
      await copyFile(join(dataFolder, "moraine.db-wal"), join(dataFolder, "earlier-wal"));
    }
    await glacier.uploadArchive(vault, contentOf(index, 1000), `archive ${index}`);
  }
  await meanwhile();
  glacier.close();
  await server.kill();
}

async function assertRefused(dataFolder: string, reason: RegExp): Promise<void> {
  const before = await hashesIn(dataFolder);
  const { code, stdout, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^moraine: [^\n]+\n$/);
  assert.match(stderr, reason);
  assert.match(stderr, /nothing was changed|restore it from a backup/);
  assert.deepEqual(await hashesIn(dataFolder), before);
}

const warningsOf = ({ stdout }: Ending): string =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith("# WARNING"))
    .join("\n");

/** Each file below the folder by its path, with the hash of its bytes; but for the lock, which a refused start has taken too. */
async function hashesIn(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("lock.db"));
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const hashes = new Map<string, string>();
  for (const path of paths.sort()) {
    const hash = createHash("sha256").update(await readFile(path));
    hashes.set(path.slice(folder.length + 1), hash.digest("hex"));
  }
  return hashes;
}

function assertBytesKept(before: Map<string, string>, after: Map<string, string>): void {
  const kept = new Set(after.values());
  const segments = [...before].filter(([path]) => path.startsWith("blobs/"));
  assert.ok(segments.length >= 5);
  assert.deepEqual(
    segments.filter(([, hash]) => !kept.has(hash)),
    [],
  );
}

/** Several large archives at once; the database is copied while at least one of them is on its way. Resolves when all are answered. */
async function uploadWhileCopying(glacier: GlacierHttp, dataFolder: string): Promise<number> {
  const answers = Array.from({ length: 6 }, (_, index) =>
    glacier.uploadArchive(vault, contentOf(100 + index, 24 * 1024 ** 2), `large ${index}`),
  );
  const all = Promise.all(answers);
  const pending = async () => {
    using database = new DatabaseSync(join(dataFolder, "copy.db"), { readOnly: true });
    return Number(database.prepare("SELECT count(*) AS rows FROM segments WHERE state = 'pending'").get()?.["rows"]);
  };
  let rows = 0;
  while (rows === 0) {
    await rm(join(dataFolder, "copy.db"), { force: true });
    await vacuumInto(dataFolder, "copy.db");
    rows = await pending();
    await sleep(1);
  }
  await all;
  return rows;
}

async function vacuumInto(dataFolder: string, name: string): Promise<void> {
  using database = new DatabaseSync(join(dataFolder, "moraine.db"), { readOnly: true });
  database.prepare("VACUUM INTO ?").run(join(dataFolder, name));
}

const partSizeBytes = 1024 ** 2;
const parts = [contentOf(200, partSizeBytes), contentOf(201, partSizeBytes)];
const uploads = `/-/vaults/${vault}/multipart-uploads`;

/** Resolves to the upload's path when all its parts are acknowledged. */
async function beginUpload(glacier: GlacierHttp): Promise<string> {
  const headers = { "x-amz-part-size": String(partSizeBytes) };
  const begun = await glacier.demand({ method: "POST", path: uploads, headers });
  const path = `${uploads}/${begun.headers["x-amz-multipart-upload-id"]}`;
  for (const [index, body] of parts.entries()) {
    const range = `bytes ${index * partSizeBytes}-${(index + 1) * partSizeBytes - 1}/*`;
    const partHeaders = { "content-range": range, "x-amz-sha256-tree-hash": treeHashOf(body) };
    await glacier.demand({ method: "PUT", path, headers: partHeaders, body });
  }
  return path;
}

async function completeUpload(glacier: GlacierHttp, path: string): Promise<void> {
  const bytes = Buffer.concat(parts);
  const headers = { "x-amz-archive-size": String(bytes.length), "x-amz-sha256-tree-hash": treeHashOf(bytes) };
  await glacier.demand({ method: "POST", path, headers });
}

/** Resolves when upkeep has removed all that it may. */
async function swept(dataFolder: string): Promise<void> {
  using database = new DatabaseSync(join(dataFolder, "moraine.db"), { readOnly: true });
  const rows = database.prepare("SELECT count(*) AS rows FROM segments WHERE state IN ('pending', 'dead')");
  for (let quiet = 0; quiet < 10; quiet += 1) {
    quiet = Number(rows.get()?.["rows"]) > 0 ? 0 : quiet;
    await sleep(20);
  }
}

async function flipBit(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 4;
  await file.write(byte, 0, 1, position);
  await file.close();
}

async function halve(path: string): Promise<void> {
  const { length } = await readFile(path);
  await truncate(path, Math.floor(length / 2));
}

/** The file itself after a first run of an earlier version, while all tables were in the log. */
async function leaveHeader(dataFolder: string): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) {
    await rm(join(dataFolder, `moraine.db${end}`), { force: true });
  }
  await writeFile(join(dataFolder, "moraine.db"), "");
  const database = new DatabaseSync(join(dataFolder, "moraine.db"));
  database.exec("PRAGMA journal_mode = WAL");
  database.close();
  assert.ok((await readFile(join(dataFolder, "moraine.db"))).length > 0);
}
