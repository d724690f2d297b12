import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sealRowsOf } from "../test/support/row-secret.ts";
import { startServer } from "../test/support/server-process.ts";
import { Requests } from "./requests.ts";
import { mebibyte, partsOfUpload, RowWriter } from "./row-writer.ts";
import { contentOf, randomBytes } from "./source.ts";
import { withConnections } from "./stage.ts";

// Makes a data folder of very many archives, for measure-large-folder.ts. The server itself makes the folder, its vaults and three
// archives with bytes. All others are rows alone, written straight into the database: of them everything can be measured
// but reading their bytes.

const usage = "node bench/large-folder.ts FOLDER [ARCHIVES]   (a new folder; 10000000 archives)";
const uploadCount = 10;

const [folderName, count = "10000000"] = process.argv.slice(2);
if (folderName === undefined || !/^\d+$/.test(count)) {
  console.error(`usage: ${usage}`);
  process.exit(2);
}
const archiveCount = Number(count);
const folder = resolve(folderName);
await mkdir(folder, { recursive: true });
const began = performance.now();
await makeWithServer();
fill(join(folder, "moraine.db"));
await sealRowsOf(folder);
console.log(`${archiveCount} archives in ${folder} after ${Math.round((performance.now() - began) / 1000)} s`);

async function makeWithServer(): Promise<void> {
  await using server = await startServer({ dataFolder: folder });
  const port = Number(new URL(server.url).port);
  const requests = new Requests(port);
  await withConnections(port, 1, async ([connection]) => {
    for (const vault of ["large", "emptied"]) {
      await connection.expect(201, requests.createVault(vault));
    }
    for (let index = 0; index < 3; index += 1) {
      await connection.expect(201, requests.uploadArchive("large", contentOf(randomBytes(mebibyte))));
    }
  });
  await server.stop();
}

/** Without a journal and without indices, which are made again at the end: what fails leaves a folder to be thrown away. */
function fill(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  const indices = database
    .prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name IN ('archives', 'segments') AND sql IS NOT NULL",
    )
    .all();
  database.exec("BEGIN");
  for (const { name } of indices) {
    database.exec(`DROP INDEX ${name}`);
  }
  const rows = new RowWriter(database);
  fillLarge(rows, vaultId(database, "large"));
  fillEmptied(rows, vaultId(database, "emptied"));
  fillUploads(rows, vaultId(database, "large"));
  for (const { sql } of indices) {
    database.exec(String(sql));
  }
  database.exec("COMMIT");
  database.exec("PRAGMA journal_mode = WAL");
  database.close();
}

function vaultId(database: DatabaseSync, name: string): string {
  return String(database.prepare("SELECT id FROM vaults WHERE name = ?").get(name)?.["id"]);
}

/** In the order of their creation, as archives come. */
function fillLarge(rows: RowWriter, vault: string): void {
  const firstAt = Date.now() - archiveCount;
  for (let index = 0; index < archiveCount; index += 1) {
    const owner = rows.archive(vault, { createdAt: firstAt + index, revision: index + 4, deletedAt: null });
    rows.segment(owner, 0);
  }
  rows.count(vault, archiveCount, archiveCount);
}

/** Ten archives live; the rows of a tenth of the others are of archives that were deleted. */
function fillEmptied(rows: RowWriter, vault: string): void {
  const deletedCount = Math.floor(archiveCount / 10);
  const firstAt = Date.now() - deletedCount;
  for (let index = 0; index < deletedCount; index += 1) {
    rows.archive(vault, { createdAt: firstAt + index, revision: index + 1, deletedAt: firstAt + index });
  }
  for (let index = 0; index < 10; index += 1) {
    const owner = rows.archive(vault, {
      createdAt: Date.now(),
      revision: 2 * deletedCount + index + 1,
      deletedAt: null,
    });
    rows.segment(owner, 0);
  }
  rows.count(vault, 10, 2 * deletedCount + 10);
}

function fillUploads(rows: RowWriter, vault: string): void {
  for (let upload = 0; upload < uploadCount; upload += 1) {
    const owner = rows.upload(vault);
    for (let part = 0; part < partsOfUpload; part += 1) {
      rows.segment(owner, part * mebibyte);
    }
  }
}
