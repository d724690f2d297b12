import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { secondsPer } from "@moraine/protocol";
import { unpackId } from "../packages/server/src/storage/metadata/tables/packed.ts";
import { startServer } from "../test/support/server-process.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { Connection, headerOf } from "./connection.ts";
import { peakBytes } from "./process-usage.ts";
import { Requests, type SignedRequest } from "./requests.ts";

// Starts the server on a folder that large-folder.ts made, and measures what must not depend on its size. Meanwhile a client asks for
// DescribeVault again and again: the times that it waited show whether anything else holds the metadata up.
// The folder is changed: three archives have bytes, and each run deletes one of them.

const [folderName] = process.argv.slice(2);
if (folderName === undefined) {
  console.error("usage: node bench/measure-large-folder.ts FOLDER");
  process.exit(2);
}
const folder = resolve(folderName);
const waitMillisecondsMax = 50;
const endMillisecondsMax = 1_800_000;

interface Row {
  readonly step: string;
  readonly milliseconds: number;
  readonly probes: readonly number[];
}

const flags = ["--clock", "manual"];
const firstOfEmpty = await firstRequestOfEmptyFolder();
const began = performance.now();
await using server = await startServer({ dataFolder: folder, flags });
const startMilliseconds = performance.now() - began;
const port = Number(new URL(server.url).port);
const requests = new Requests(port);
const client = await Connection.open(port);
const prober = await Connection.open(port);
using database = new DatabaseSync(join(folder, "moraine.db"), { readOnly: true });
const rows: Row[] = [];

const archives = storedArchives();
const [archiveId] = archives;
if (archiveId === undefined) {
  throw new Error(
    "Each run deletes one of the folder's three archives with bytes, and none is left: make another folder",
  );
}
// It waits for code that no request has run yet, whatever the folder's size: a row of its own, and none of the probes.
const firstOfLarge = await millisecondsOf(() => prober.expect(200, requests.describeVault("large")));
await measure("DescribeVault alone", () => sleep(3000));
await measure("InitiateJob of an archive", () => client.expect(202, requests.retrieveArchive("large", archiveId)));
await measure("its output", () => output("large", { Type: "archive-retrieval", ArchiveId: archiveId }));
await measure("first page of the inventory", () => inventory("large", { Limit: "1000" }));
await measure("last page of the inventory", () => inventory("large", { StartDate: newest(1000), Limit: "1000" }));
await measure("inventory of 10 archives among deleted ones", () => inventory("emptied", {}));
process.stderr.write("a pause, after which no thread for lists runs …\n");
await sleep(32_000);
await measure("first ListJobs after it", () => client.expect(200, requests.listJobs("large")));
await measure("DeleteArchive", () => client.expect(204, requests.deleteArchive("large", archiveId)));
await measure("expiry of all uploads", expireUploads);
print();
client.close();
prober.close();
await server.stop();

/** The time of the first request that a process serves, a DescribeVault, in a folder with one vault. */
async function firstRequestOfEmptyFolder(): Promise<number> {
  await using empty = await temporaryFolder();
  await using first = await startServer({ dataFolder: empty.path, flags });
  await askOnce(first.url, 201, (made) => made.createVault("large"));
  await first.stop();
  await using second = await startServer({ dataFolder: empty.path, flags });
  const milliseconds = await askOnce(second.url, 200, (made) => made.describeVault("large"));
  await second.stop();
  return milliseconds;
}

async function askOnce(url: string, status: number, requestOf: (made: Requests) => SignedRequest): Promise<number> {
  const emptyPort = Number(new URL(url).port);
  const connection = await Connection.open(emptyPort);
  const request = requestOf(new Requests(emptyPort));
  const milliseconds = await millisecondsOf(() => connection.expect(status, request));
  connection.close();
  return milliseconds;
}

async function millisecondsOf(take: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await take();
  return performance.now() - from;
}

/** Takes one step while the probe asks. */
async function measure(step: string, take: () => Promise<unknown>): Promise<void> {
  process.stderr.write(`${step} …\n`);
  const probes: number[] = [];
  let isDone = false;
  const probe = async () => {
    while (!isDone) {
      const asked = performance.now();
      await prober.expect(200, requests.describeVault("large"));
      probes.push(performance.now() - asked);
      await sleep(2);
    }
  };
  const run = async () => {
    const milliseconds = await millisecondsOf(take);
    // Work that the step left to the background may hold others up, too.
    await sleep(500);
    isDone = true;
    return milliseconds;
  };
  const [milliseconds] = await Promise.all([run(), probe()]);
  rows.push({ step, milliseconds, probes });
}

async function inventory(vault: string, parameters: object): Promise<void> {
  await output(vault, { Type: "inventory-retrieval", InventoryRetrievalParameters: parameters });
}

async function output(vault: string, parameters: object): Promise<void> {
  const jobId = headerOf(await client.expect(202, requests.initiateJob(vault, parameters)), "x-amz-job-id");
  await until(`job ${jobId} has ended`, async () => {
    const { text } = await client.expect(200, requests.describeJob(vault, jobId));
    const { StatusCode: status, StatusMessage: message } = JSON.parse(text) as Record<string, string>;
    if (status === "Failed") {
      throw new Error(`The job failed: ${message}`);
    }
    return status === "Succeeded";
  });
  await client.expect(200, requests.getJobOutput(vault, jobId));
}

/** The clock is put a day ahead, and then minute by minute: upkeep ends the uploads, and lets go of their parts. */
async function expireUploads(): Promise<void> {
  const left = database.prepare(`
    SELECT (SELECT count(*) FROM uploads WHERE state = 'open') + (SELECT count(*) FROM releases) AS owners`);
  await client.expect(200, requests.advanceClock(secondsPer.day));
  let seconds = 60;
  await until("no upload has parts left", async () => {
    // The admin API refuses a request that repeats the signature of another.
    seconds += 1;
    await client.expect(200, requests.advanceClock(seconds));
    return Number(left.get()?.["owners"]) === 0;
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + endMillisecondsMax;
  while (!(await isSo())) {
    if (performance.now() > end) {
      throw new Error(`It takes too long until ${what}`);
    }
    await sleep(20);
  }
}

/** The ids of the archives that the server itself stored: they came first. */
function storedArchives(): string[] {
  const found = database
    .prepare(
      "SELECT id_head AS head, id_tail AS tail FROM archives WHERE description = '' AND deleted_at IS NULL LIMIT 1",
    )
    .all();
  return found.map((row) => unpackId(row as unknown as Parameters<typeof unpackId>[0]));
}

/** A date after which about this many archives were made: a thousand were made in each second. */
function newest(count: number): string {
  const row = database
    .prepare(
      "SELECT max(created_at) AS at FROM archives WHERE listed = 1 AND vault_id = (SELECT id FROM vaults WHERE name = 'large')",
    )
    .get();
  return new Date(Number(row?.["at"]) - count).toISOString();
}

function print(): void {
  const sizeBytes = Number(
    database.prepare("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size").get()?.[
      "bytes"
    ],
  );
  const count = Number(database.prepare("SELECT sum(archive_count) AS count FROM vaults").get()?.["count"]);
  console.log(
    `${count} archives, database of ${(sizeBytes / 1e9).toFixed(2)} GB, started in ${Math.round(startMilliseconds)} ms`,
  );
  console.log(`peak memory ${Math.round((peakBytes(server.pid) ?? Number.NaN) / 1024 ** 2)} MiB\n`);
  console.log("| step | ms | probes | p50 ms | p99 ms | max ms |\n| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const { step, milliseconds, probes } of rows) {
    const sorted = probes.toSorted((a, b) => a - b);
    const [p50, p99, max] = [0.5, 0.99, 1].map((share) => at(sorted, share).toFixed(1));
    console.log(`| ${step} | ${Math.round(milliseconds)} | ${probes.length} | ${p50} | ${p99} | ${max} |`);
  }
  const waited = Math.max(
    ...rows.map(({ probes }) =>
      at(
        probes.toSorted((a, b) => a - b),
        1,
      ),
    ),
  );
  console.log(
    `\nfirst request after the start: ${firstOfLarge.toFixed(1)} ms; in a folder with one vault: ${firstOfEmpty.toFixed(1)} ms`,
  );
  console.log(`longest wait for metadata: ${waited.toFixed(1)} ms of ${waitMillisecondsMax} allowed`);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
