import { randomBytes } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CreateVaultCommand, GlacierClient } from "@aws-sdk/client-glacier";
import { region, startServer } from "../test/support/server-process.ts";
import { firstDifference, writeRandomFile } from "./content.ts";
import { downloadInRanges } from "./download.ts";
import { checkInventories, runJobs } from "./jobs.ts";
import { type Progress, startProgress } from "./progress.ts";
import { assertSame, partSizeOf, type Source, uploadInParts } from "./upload.ts";

const madeSizeBytes = 64 * 1024 ** 2;
const vaultName = "demo";
const exitFailed = 1;
const exitUsage = 2;
const exitInterrupted = 130;

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stopping.abort(new Error("interrupted")));
}
const given = await givenSourceOrExit();
try {
  await demo(given, stopping.signal);
} catch (error) {
  console.error(`demo: ${stopping.signal.aborted ? "interrupted" : (error as Error).message}`);
  process.exitCode = stopping.signal.aborted ? exitInterrupted : exitFailed;
}

/** The whole way of an archive: up in parts, a job, down in ranges; with everything compared that can be. */
async function demo(file: Source | null, signal: AbortSignal): Promise<void> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "moraine-demo-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const credentials = {
    accessKeyId: randomBytes(10).toString("hex").toUpperCase(),
    secretAccessKey: randomBytes(20).toString("hex"),
  };
  const environment = {
    MORAINE_ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
    MORAINE_ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const server = started.use(
    await startServer({ dataFolder: join(folder, "data"), flags: ["--region", region], environment }),
  );
  console.log(`Moraine runs at ${server.url}, in the fresh folder ${folder}`);
  const client = started.adopt(new GlacierClient({ endpoint: server.url, region, credentials }), (it) => it.destroy());
  const source = file ?? (await makeSource(join(folder, "source")));

  await client.send(new CreateVaultCommand({ accountId: "-", vaultName }), { abortSignal: signal });
  const { path, sizeBytes } = source;
  console.log(
    `Uploading ${file === null ? "random bytes" : path}: ${size(sizeBytes)} in parts of ${size(partSizeOf(sizeBytes))}`,
  );
  const uploading = stopwatch();
  const upload = await showing((progress) =>
    uploadInParts(client, vaultName, source, { onBytes: progress.bar("upload  ", sizeBytes), signal }),
  );
  console.log(`  uploaded in ${uploading.spent()}, ${uploading.rate(sizeBytes)}, as ${upload.archiveId.slice(0, 16)}…`);
  console.log(`  tree hash ${upload.treeHash}: the same here and on the server`);

  const waiting = stopwatch();
  const jobs = await runJobs(client, vaultName, upload.archiveId, signal);
  console.log(`Archive job and inventory jobs (JSON, CSV) succeeded in ${waiting.spent()}`);
  await checkInventories(client, vaultName, jobs, { ...upload, sizeBytes });
  console.log("  both inventories name the archive, with its size and its tree hash");

  const downloading = stopwatch();
  const copy = join(folder, "copy");
  const output = { vaultName, jobId: jobs.archive, sizeBytes };
  const download = await showing((progress) => downloadInRanges(client, output, copy, { progress, signal }));
  const { ranges, rangeSizeBytes, checked } = download;
  console.log(
    `Downloaded ${ranges} × ${size(rangeSizeBytes)}, up to 8 ranges in parallel, in ${downloading.spent()}, ${downloading.rate(sizeBytes)}`,
  );
  assertSame("the tree hash of the download", download.treeHash, upload.treeHash);
  console.log(
    `  ${checked} of ${ranges} ranges came with a checksum, and match it; the whole has the archive's tree hash`,
  );

  const comparing = stopwatch();
  const difference = await showing((progress) =>
    firstDifference(path, copy, { onBytes: progress.bar("compare ", sizeBytes), signal }),
  );
  assertSame("the first difference between source and download", difference, null);
  console.log(`Source and download are the same, byte for byte (${comparing.spent()})`);

  await server.stop();
  const peak = size(process.resourceUsage().maxRSS * 1024);
  console.log(`The server has stopped and its folder goes; the demo itself held ${peak} of memory at most`);
}

async function showing<Result>(run: (progress: Progress) => Promise<Result>): Promise<Result> {
  const progress = startProgress();
  try {
    return await run(progress);
  } finally {
    progress.stop();
  }
}

async function makeSource(path: string): Promise<Source> {
  await writeRandomFile(path, madeSizeBytes);
  return { path, sizeBytes: madeSizeBytes };
}

/** Null when the user names no file. */
async function givenSourceOrExit(): Promise<Source | null> {
  const [name, ...more] = process.argv.slice(2);
  if (more.length > 0) {
    exitWith("give one FILE, or none");
  }
  if (name === undefined) {
    return null;
  }
  // npm runs scripts in the package's folder; relative paths count from where the user stands.
  const path = resolve(process.env["INIT_CWD"] ?? process.cwd(), name);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => exitWith(`${path}: ${error.code}`));
  if (!found.isFile() || found.size === 0) {
    exitWith(`${path} is not a file with at least one byte`);
  }
  return { path, sizeBytes: found.size };
}

function exitWith(message: string): never {
  console.error(`demo: ${message}`);
  process.exit(exitUsage);
}

function stopwatch() {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  return {
    spent: () => `${seconds().toFixed(1)} s`,
    rate: (bytes: number) => `${Math.round(bytes / 1e6 / seconds())} MB/s`,
  };
}

function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
