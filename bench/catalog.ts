import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Catalog } from "../packages/cli/src/catalog/catalog.ts";
import { importInventory } from "../packages/cli/src/catalog/import-inventory.ts";

// Imports an inventory of very many archives into a new catalogue, then again, and reads the catalogue.

const usage = "npm run bench:catalog -- [ARCHIVES [FOLDER]]   (10000000 archives, the folder of temporary files)";
const [count = "10000000", parent = tmpdir()] = process.argv.slice(2);
if (!/^\d+$/.test(count)) {
  console.error(`usage: ${usage}`);
  process.exit(2);
}
const archiveCount = Number(count);
const folder = mkdtempSync(join(parent, "moraine-bench-catalog-"));
const path = join(folder, "bench.sqlite");
const salt = randomBytes(8);
const { signal } = new AbortController();
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const vault = { endpoint: "", region: "us-east-1", accountId: "-", vaultName: "bench" };
  using catalog = Catalog.open(path, vault);
  const stalls = watchStalls();
  await timed("making the inventory", () => drained(inventory("2026-01-01T00:00:00Z")));
  await timed("first import", () => importInventory(catalog, inventory("2026-01-01T00:00:00Z"), { signal }));
  const bytes = ["", "-wal"].reduce(
    (sum, end) => sum + (statSync(path + end, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  console.log(
    `bytes a row: ${Math.round(bytes / archiveCount)}, with ${Math.round((statSync(`${path}-wal`).size ?? 0) / 2 ** 20)} MiB of log`,
  );
  await timed("second import", () => importInventory(catalog, inventory("2026-01-02T00:00:00Z"), { signal }));
  await timed("totals", () => catalog.archives.totals());
  await timed("list by creation", () => drained(catalog.archives.inOrderOfCreation()));
  await timed("list by path", () => drained(catalog.archives.inOrderOfPath()));
  await timed("filter without matches", () => drained(catalog.archives.inOrderOfCreation({ sizeBytesMin: 2 ** 50 })));
  await timed("plan all copies", () => planAll(catalog));
  console.log(`longest block of the event loop: ${Math.round(stalls())} ms`);
}

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  const before = process.cpuUsage();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const busy = (user + system) / 1e6;
  console.log(
    `${name}: ${seconds.toFixed(1)} s (${busy.toFixed(1)} s of processor), ${Math.round(archiveCount / seconds)} rows/s; ${peak()}`,
  );
}

const peak = () => `peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`;

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

/** Returns a function that returns the longest time between two turns of a timer, less its period. */
function watchStalls(): () => number {
  let last = performance.now();
  let longest = 0;
  setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 5);
    last = now;
  }, 5).unref();
  return () => longest;
}

/** Ids in random order, dates in random order, and paths of a photo collection in the format of mt-aws-glacier. */
async function* inventory(date: string): AsyncGenerator<Uint8Array> {
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
  const digest = createHash("sha512").update(salt).update(String(number)).digest();
  const id = Buffer.concat([digest, digest.subarray(0, 39)]).toString("base64url");
  const random = digest.readUInt32LE(0);
  const name = {
    filename: `photos/20${10 + (random % 15)}/${random % 366}/IMG_${number}.jpg`,
    mtime: "20150406T222434Z",
  };
  const description = `mt2 ${Buffer.from(JSON.stringify(name)).toString("base64url")}`;
  const created = new Date(1_400_000_000_000 + (random % 300_000_000) * 1000).toISOString();
  const hash = digest.toString("hex", 0, 32);
  return `{"ArchiveId":"${id}","ArchiveDescription":"${description}","CreationDate":"${created}","Size":${random},"SHA256TreeHash":"${hash}"}`;
}
