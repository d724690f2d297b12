import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOfPart, makeArchiveOfParts, partSizeBytes } from "../../support/archive-of-parts.ts";
import { contentOf, sha256Of, treeHashOf } from "../../support/content.ts";
import { type Call, GlacierHttp } from "../../support/glacier-http.ts";
import { peakBytesMax } from "../../support/honest-clients.ts";
import { sealRowsOf } from "../../support/row-secret.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

// Peak memory of the server's process, as the kernel counts it.

const mebibyte = 1024 ** 2;
/** 16 MiB of blocks, the heaps of the threads that hash and read rows, and what requests take on the main thread. */
const downloadsBytesMax = 96 * mebibyte;
const vault = "large";

async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/**
 * Makes a folder with the vault in it, by a server that ends in order. What is measured is the next start: the first one
 * after an installation also compiles the sources, which takes about 50 MiB more.
 * @param lifeMilliseconds how long the server runs, for threads that start later.
 */
async function makeVault(dataFolder: string, lifeMilliseconds = 0): Promise<void> {
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
  glacier.close();
  await sleep(lifeMilliseconds);
  await server.stop();
}

const inMebibytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(0)} MiB`;

test("64 uploads of 64 MiB at once stay under 256 MiB", async (t) => {
  await using folder = await temporaryFolder();
  await makeVault(folder.path);
  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  const atStart = await peakBytes(server.pid);
  const body = contentOf(1, 64 * mebibyte);
  const call = {
    method: "POST",
    path: `/-/vaults/${vault}/archives`,
    headers: { "x-amz-sha256-tree-hash": treeHashOf(body) },
    body,
    bodyHash: sha256Of(body),
  };
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 64 }, () => glacier.demand(call)));
  const seconds = (performance.now() - began) / 1000;
  glacier.close();
  assert.ok(answers.every(({ status }) => status === 201));
  const peak = await peakBytes(server.pid);
  t.diagnostic(`peak ${inMebibytes(peak)}, ${inMebibytes(atStart)} after the start; 4 GiB in ${seconds.toFixed(1)} s`);
  assert.ok(peak < peakBytesMax, inMebibytes(peak));
});

test("64 downloads of 64 MiB at once, and then 64 clients of ranges, take less than 96 MiB", async (t) => {
  await using folder = await temporaryFolder();
  await makeVault(folder.path);
  const body = contentOf(1, 64 * mebibyte);
  const headers = { "x-amz-sha256-tree-hash": treeHashOf(body) };
  await using first = await startServer({ dataFolder: folder.path });
  const uploading = new GlacierHttp(first.url);
  const call = { method: "POST", path: `/-/vaults/${vault}/archives`, headers, body, bodyHash: sha256Of(body) };
  const archiveId = String((await uploading.demand(call)).headers["x-amz-archive-id"]);
  uploading.close();
  await first.stop();

  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  const atStart = await peakBytes(server.pid);
  const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await glacier.jobSucceeded(vault, jobId, 60);
  const output = { method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output` };
  const sizes = await Promise.all(Array.from({ length: 64 }, () => countBytes(glacier, output)));
  assert.deepEqual(new Set(sizes), new Set([body.length]));
  const afterDownloads = await peakBytes(server.pid);
  await Promise.all(
    Array.from({ length: 64 }, async (_, client) => {
      for (let turn = 0; turn < 16; turn += 1) {
        const start = ((client + 7 * turn) % 64) * mebibyte;
        const range = `bytes=${start}-${start + mebibyte - 1}`;
        assert.equal(await countBytes(glacier, { ...output, headers: { range } }), mebibyte);
      }
    }),
  );
  glacier.close();
  const peak = await peakBytes(server.pid);
  t.diagnostic(
    `peak ${inMebibytes(atStart)} after the start, ${inMebibytes(afterDownloads)} after the downloads, ${inMebibytes(peak)} after the ranges`,
  );
  assert.ok(peak - atStart < downloadsBytesMax, inMebibytes(peak - atStart));
});

/** Reads a response as it comes, and keeps nothing. */
async function countBytes(glacier: GlacierHttp, call: Call): Promise<number> {
  let sizeBytes = 0;
  for await (const piece of await glacier.open(call)) {
    sizeBytes += (piece as Buffer).length;
  }
  return sizeBytes;
}

test("the inventories of a vault of 1,000,000 archives, JSON and CSV at once, stay under 256 MiB", async (t) => {
  const archives = 1_000_000;
  await using folder = await temporaryFolder();
  // The check of the database has a thread of its own, from 10 seconds after the start on.
  await makeVault(folder.path, 12_000);
  const filling = performance.now();
  fill(join(folder.path, "moraine.db"), archives);
  await sealRowsOf(folder.path);
  t.diagnostic(`filled in ${((performance.now() - filling) / 1000).toFixed(1)} s`);

  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  const began = performance.now();
  const counted = await Promise.all([
    countInventory(glacier, "JSON", '"SHA256TreeHash":'),
    countInventory(glacier, "CSV", "\n"),
  ]);
  const seconds = (performance.now() - began) / 1000;
  glacier.close();
  const peak = await peakBytes(server.pid);
  t.diagnostic(`peak ${inMebibytes(peak)}; both made and downloaded in ${seconds.toFixed(1)} s`);
  assert.deepEqual(counted, [archives, archives + 1]);
  assert.ok(peak < peakBytesMax, inMebibytes(peak));
});

test("64 downloads at once of an archive of 10,000 parts are right, whole and in ranges, and stay under 256 MiB", async (t) => {
  await using folder = await temporaryFolder();
  const archiveId = await makeArchiveOfParts(folder.path, vault, 10_000);
  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  const began = performance.now();
  const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await glacier.jobSucceeded(vault, jobId, 600);
  t.diagnostic(`10 GiB verified in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  const path = `/-/vaults/${vault}/jobs/${jobId}/output`;
  const each = Array.from({ length: 64 }, (_, index) => index);

  await Promise.all(each.map(async () => assertParts(await firstBytes(glacier, path, 4 * mebibyte), 0)));
  await Promise.all(
    each.map(async (index) => {
      // Some begin in one page of the parts' rows, and end in the next.
      const first = index * 150 + 97;
      const range = `bytes=${first * mebibyte}-${(first + 4) * mebibyte - 1}`;
      const { body } = await glacier.demand({ method: "GET", path, headers: { range } });
      assertParts(body, first);
    }),
  );
  const peak = await peakBytes(server.pid);
  t.diagnostic(`peak ${inMebibytes(peak)}`);
  assert.ok(peak < peakBytesMax, inMebibytes(peak));
  const aligned = { Type: "archive-retrieval", ArchiveId: archiveId, RetrievalByteRange: `0-${4096 * mebibyte - 1}` };
  await Promise.all(each.map(() => glacier.initiateJob(vault, aligned)));
  glacier.close();
});

/** The first bytes of an output; then the connection is closed. */
async function firstBytes(glacier: GlacierHttp, path: string, sizeBytes: number): Promise<Buffer> {
  const answer = await glacier.open({ method: "GET", path });
  assert.equal(answer.statusCode, 200);
  const pieces: Buffer[] = [];
  for await (const piece of answer) {
    pieces.push(piece);
    if (pieces.reduce((sum, { length }) => sum + length, 0) >= sizeBytes) {
      break;
    }
  }
  answer.destroy();
  return Buffer.concat(pieces).subarray(0, sizeBytes);
}

function assertParts(bytes: Buffer, firstPart: number): void {
  assert.equal(bytes.length, 4 * partSizeBytes);
  for (let index = 0; index < 4; index += 1) {
    const part = bytes.subarray(index * partSizeBytes, (index + 1) * partSizeBytes);
    assert.ok(part.equals(contentOfPart(firstPart + index)), `part ${firstPart + index}`);
  }
}

/** Adds archives to the only vault of a folder at rest. They have no bytes: inventories are made from rows alone. */
function fill(databaseFile: string, archives: number): void {
  using database = new DatabaseSync(databaseFile);
  const sizeBytes = 4096;
  const vaultId = String(database.prepare("SELECT id FROM vaults").get()?.["id"]);
  database.exec("BEGIN");
  // The 138 digits of an id are 103 bytes and a half.
  database
    .prepare(`
      WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :archives)
      INSERT INTO archives (id_head, id_tail, vault_id, description, size_bytes, tree_hash, created_at, created_revision, listed)
      SELECT randomblob(16), CAST(randomblob(87) || x'00' AS blob), :vaultId, 'archive number ' || n, :sizeBytes, randomblob(32),
        1700000000000 + n, n, 1 FROM numbers`)
    .run({ archives, vaultId, sizeBytes });
  database
    .prepare("UPDATE vaults SET archive_count = :archives, archive_bytes = :bytes, revision = :archives")
    .run({ archives, bytes: archives * sizeBytes });
  database.exec("COMMIT");
}

/** How often a text occurs in an inventory, read as it streams. */
async function countInventory(glacier: GlacierHttp, format: "JSON" | "CSV", text: string): Promise<number> {
  const jobId = await glacier.initiateJob(vault, { Type: "inventory-retrieval", Format: format });
  await glacier.jobSucceeded(vault, jobId, 180);
  const answer = await glacier.open({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output` });
  let count = 0;
  let tail = "";
  for await (const piece of answer.setEncoding("latin1")) {
    const seen = tail + piece;
    count += seen.split(text).length - 1;
    // Less than the text, so that nothing is counted twice.
    tail = text.length === 1 ? "" : seen.slice(1 - text.length);
  }
  return count;
}
