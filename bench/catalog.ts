import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Catalog } from "../packages/cli/src/catalog/catalog.ts";
import { importInventory } from "../packages/cli/src/catalog/inventory/import-inventory.ts";

// Imports an inventory of very many archives into a new catalogue, then again, and reads the catalogue.

const usage = "npm run bench:catalog -- [ARCHIVES [FOLDER]]   (10000000 archives, the folder of temporary files)";
const [count = "10000000", parent = tmpdir(), writtenDate] = process.argv.slice(2);
if (!/^\d+$/.test(count)) {
  console.error(`usage: ${usage}`);
  process.exit(2);
}
const archiveCount = Number(count);
if (writtenDate !== undefined) {
  // The process that writes an inventory is another one: its memory and its time are not those of an import.
  await pipeline(written(writtenDate), process.stdout);
  process.exit(0);
}
const folder = mkdtempSync(join(parent, "moraine-bench-catalog-"));
const path = join(folder, "bench.sqlite");
const { signal } = new AbortController();
const stallPeriod = 5;
let longestStall = 0;
watchStalls();
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const vault = { endpoint: "", region: "us-east-1", accountId: "-", vaultName: "bench" };
  using catalog = Catalog.open(path, vault);
  await timed("first import", () => importInventory(catalog, inventory("2026-01-01T00:00:00Z"), { signal }));
  const bytes = ["", "-wal"].reduce(
    (sum, end) => sum + (statSync(path + end, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  console.log(
    `bytes a row: ${Math.round(bytes / archiveCount)}, with ${Math.round((statSync(`${path}-wal`).size ?? 0) / 2 ** 20)} MiB of log`,
  );
  await timed("totals", () => catalog.archives.totals());
  await timed("list by creation", () => drained(catalog.archives.inOrderOfCreation()));
  await timed("filter without matches", () => drained(catalog.archives.inOrderOfCreation({ sizeBytesMin: 2 ** 50 })));
  await timed("second import", () => importInventory(catalog, inventory("2026-01-02T00:00:00Z"), { signal }));
  await timed("list by path", () => drained(catalog.archives.inOrderOfPath()));
  await timed("plan all copies", () => planAll(catalog));
}

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  longestStall = 0;
  const began = performance.now();
  const before = process.cpuUsage();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const busy = (user + system) / 1e6;
  const rate = Math.round(archiveCount / seconds);
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${name}: ${seconds.toFixed(1)} s (${busy.toFixed(1)} s of processor), ${rate} rows/s, ` +
      `longest block of the event loop ${Math.round(longestStall)} ms, peak memory ${memory} MiB`,
  );
}

async function drained(batches: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of batches) {
    await nextTurn();
  }
}

async function planAll(catalog: Catalog): Promise<void> {
  const copies = catalog.copies.of("file:///rescued");
  for await (const batch of catalog.archives.inOrderOfCreation()) {
    catalog.change(() => {
      for (const { number, path: name } of batch) {
        copies.plan(number, name);
      }
    });
    await nextTurn();
  }
}

/** Measures the longest time between two turns of a timer, less its period. */
function watchStalls(): void {
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    longestStall = Math.max(longestStall, now - last - stallPeriod);
    last = now;
  }, stallPeriod).unref();
}

/** The output of a process that writes the inventory. */
async function* inventory(date: string): AsyncGenerator<Uint8Array> {
  const args = ["--conditions=@moraine/source", fileURLToPath(import.meta.url), count, parent, date];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  yield* child.stdout;
}

/** Ids in random order, dates in random order, and paths of a photo collection in the format of mt-aws-glacier. */
async function* written(date: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(
    `{"VaultARN":"arn:aws:glacier:us-east-1:012345678901:vaults/bench","InventoryDate":"${date}","ArchiveList":[`,
  );
  const perPiece = 500;
  for (let start = 0; start < archiveCount; start += perPiece) {
    const length = Math.min(perPiece, archiveCount - start);
    yield Buffer.from((start === 0 ? "" : ",") + Array.from({ length }, (_, at) => entry(start + at)).join());
  }
  yield Buffer.from("]}");
}

function entry(number: number): string {
  const digest = hash("sha512", `archive ${number}`, "buffer");
  const id = Buffer.concat([digest, digest.subarray(0, 39)]).toString("base64url");
  const random = digest.readUInt32LE(0);
  const name = {
    filename: `photos/20${10 + (random % 15)}/${random % 366}/IMG_${number}.jpg`,
    mtime: "20150406T222434Z",
  };
  const description = `mt2 ${Buffer.from(JSON.stringify(name)).toString("base64url")}`;
  const created = new Date(1_400_000_000_000 + (random % 300_000_000) * 1000).toISOString();
  const treeHash = digest.toString("hex", 0, 32);
  return `{"ArchiveId":"${id}","ArchiveDescription":"${description}","CreationDate":"${created}","Size":${random},"SHA256TreeHash":"${treeHash}"}`;
}
