import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient, type GlacierClient } from "../packages/client/src/node.ts";
import {
  type DownloadOptions,
  downloadJobOutput,
} from "../packages/client/src/transfers/download/download-job-output.ts";
import { streamJobOutput } from "../packages/client/src/transfers/download/stream-job-output.ts";
import type { TransferEvent } from "../packages/client/src/transfers/events.ts";
import { retrieveArchive, streamArchive } from "../packages/client/src/transfers/retrieval/retrieve-archive.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { type Change, type Passed, WatchingProxy } from "./support/watching-proxy.ts";

// Faulty servers never cause a wrong file under the final name, nor a success that was not verified.

const mebibyte = 1024 ** 2;
const vaultName = "doubted";
const content = contentOf(5, 9 * mebibyte + 123);
const treeHash = treeHashOf(content);
const rangeCount = 10;
const badRange = `${4 * mebibyte}-${5 * mebibyte - 1}`;
/** Also for the requests that continue it after an interruption. */
const isWithinBad = (range: string | null) => Math.floor(Number.parseInt(range ?? "", 10) / mebibyte) === 4;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let proxy: WatchingProxy;
let http: GlacierHttp;
let client: GlacierClient;
/** A client that gives up soon without progress. */
let impatient: GlacierClient;
let archiveId: string;
let jobId: string;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  proxy = await WatchingProxy.start(server.url);
  http = new GlacierHttp(server.url);
  client = await createClient({ endpoint: proxy.url, region, credentials: rootKey });
  impatient = await createClient({ endpoint: proxy.url, region, credentials: rootKey, retryForMilliseconds: 500 });
  await http.createVault(vaultName);
  archiveId = await http.uploadArchive(vaultName, content, "");
  jobId = await http.initiateJob(vaultName, { Type: "archive-retrieval", ArchiveId: archiveId });
  await http.jobSucceeded(vaultName, jobId);
});
after(async () => {
  http.close();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Run {
  readonly target: string;
  readonly events: TransferEvent[];
  /** Ranges that were requested. */
  readonly asked: () => string[];
  readonly options: DownloadOptions;
}

let runs = 0;

/** A fresh target, and a server that changes its responses by the given function. */
function newRun(change: (request: Passed, isFirstOfRange: boolean) => Change | undefined): Run {
  const target = join(folder.path, `target-${runs++}`);
  const events: TransferEvent[] = [];
  const from = proxy.passed.length;
  const asked = () => proxy.ranges(from);
  proxy.change = (request) => {
    const count = asked().filter((range) => range === request.range).length;
    return request.path.endsWith("/output") ? change(request, count === 1) : undefined;
  };
  const options = { target, rangeSizeBytes: mebibyte, onEvent: (event: TransferEvent) => events.push(event) };
  return { target, events, asked, options };
}

const download = ({ options }: Run, by = client) => downloadJobOutput(by, { vaultName, jobId }, options);
const failed = ({ events }: Run) =>
  events.flatMap((event) =>
    event.kind === "range-failed" ? [`${event.range.firstByte}-${event.range.lastByte}`] : [],
  );
const warned = ({ events }: Run) => events.flatMap((event) => (event.kind === "warning" ? [event.code] : []));

/** Asserts that the target is right, and no other file of the download is left. */
async function assertRight({ target }: Run): Promise<void> {
  assert.ok((await readFile(target)).equals(content));
  await assertAlone(target, [""]);
}

async function assertAlone(target: string, suffixes: readonly string[]): Promise<void> {
  const name = target.slice(folder.path.length + 1);
  const names = await readdir(folder.path);
  assert.deepEqual(
    names.filter((each) => each === name || each.startsWith(`${name}.`)).sort(),
    suffixes.map((suffix) => name + suffix).sort(),
  );
}

const onceBad: Readonly<Record<string, Change>> = {
  "a byte is corrupt": { flippedByte: 77 },
  "the checksum is another": { headers: { "x-amz-sha256-tree-hash": "0".repeat(64) } },
  "the connection breaks": { breakAfterBytes: 500_000 },
  "another range comes": { headers: { "content-range": `bytes 0-${mebibyte - 1}/${content.length}` } },
  "the answer is cut short": { headers: { "content-length": "1000" }, breakAfterBytes: 1000 },
};

for (const [what, change] of Object.entries(onceBad)) {
  test(`when ${what} in a range once, that range alone is fetched again, and the file is right`, async () => {
    const run = newRun(({ range }, isFirst) => (range === badRange && isFirst ? change : undefined));
    const result = await download(run);
    assert.equal(result.verifiedBy, "whole");
    assert.equal(result.treeHash, treeHash);
    assert.deepEqual(failed(run), [badRange]);
    assert.equal(run.asked().length, rangeCount + 1);
    await assertRight(run);
  });
}

for (const what of ["a byte is corrupt", "the checksum is another"]) {
  test(`when ${what} in a range each time, the download fails naming it, nothing has the final name, and the next run fetches that range alone`, async () => {
    const run = newRun(({ range }) => (range === badRange ? onceBad[what] : undefined));
    await assert.rejects(download(run), {
      name: "VerificationError",
      range: { firstByte: 4 * mebibyte, lastByte: 5 * mebibyte - 1, index: 4 },
    });
    await assertAlone(run.target, [".partial", ".partial.journal"]);
    assert.ok(failed(run).every((range) => range === badRange));

    proxy.change = () => undefined;
    const before = run.asked().length;
    const verified = run.asked().filter((range) => range !== badRange);
    await download(run);
    const again = run.asked().slice(before);
    assert.deepEqual(
      again.filter((range) => verified.includes(range) && new Set(verified).size === rangeCount - 1),
      [],
    );
    await assertRight(run);
  });
}

test("when connections break each time, the download fails naming the range, and is resumed later", async () => {
  const run = newRun(({ range }) => (isWithinBad(range) ? { breakAfterBytes: 0 } : undefined));
  await assert.rejects(download(run, impatient), { name: "RangeFailedError" });
  await assertAlone(run.target, [".partial", ".partial.journal"]);
  proxy.change = () => undefined;
  await download(run);
  await assertRight(run);
});

test("when the server sends the entire archive's hash with every range, it warns, and verifies the entire archive", async () => {
  const run = newRun(() => ({ headers: { "x-amz-sha256-tree-hash": treeHash } }));
  const result = await download(run);
  assert.equal(result.verifiedBy, "whole");
  assert.equal(warned(run).filter((code) => code === "whole-hash-on-range").length, rangeCount);
  assert.equal(run.asked().length, rangeCount);
  await assertRight(run);
});

test("when ranges carry the entire archive's hash, or none, a corrupt byte is noticed at the end and the ranges are fetched again", async () => {
  for (const header of [treeHash, null]) {
    const run = newRun(({ range }, isFirst) => ({
      headers: { "x-amz-sha256-tree-hash": header },
      ...(range === badRange && isFirst && { flippedByte: 3 }),
    }));
    const result = await download(run);
    assert.equal(result.verifiedBy, "whole");
    assert.equal(result.repeatedBytes, 0, "of ranges that came whole, each is fetched anew");
    await assertRight(run);
  }
});

test("when ranges have no hash and a byte is corrupt each time, the download fails, and nothing has the final name", async () => {
  const run = newRun(({ range }) => ({
    headers: { "x-amz-sha256-tree-hash": null },
    ...(range === badRange && { flippedByte: 3 }),
  }));
  await assert.rejects(download(run), { name: "VerificationError", range: null });
  await assertAlone(run.target, [".partial", ".partial.journal"]);
});

test("throttled requests are sent again later", async () => {
  let refusals = 5;
  const refusal = { status: 400, code: "ThrottlingException", message: "Rate exceeded" };
  const run = newRun(() => (refusals-- > 0 ? { refusal } : undefined));
  await download(run);
  await assertRight(run);
});

test("a job that expires in the middle is replaced by another, and what was verified is kept", async () => {
  const run = newRun(() => undefined);
  const gone = new Set<string>();
  const from = proxy.passed.length;
  proxy.change = ({ path }) => {
    const job = path.split("/")[5] ?? "";
    if (path.endsWith("/output") && job === jobId && proxy.ranges(from).length > 5) {
      gone.add(job);
    }
    const refusal = { status: 404, code: "ResourceNotFoundException", message: `The job ID was not found: ${job}` };
    return gone.has(job) ? { refusal } : undefined;
  };
  const result = await retrieveArchive(client, { vaultName, archiveId }, { ...run.options, concurrency: 2 });
  assert.equal(result.verifiedBy, "whole");
  const jobs = run.events.flatMap((event) => (event.kind === "job" && event.state !== "waiting" ? [event.state] : []));
  assert.deepEqual(jobs, ["reused", "succeeded", "expired", "started", "succeeded"]);
  const served = proxy.passed.slice(from).filter(({ path, status }) => path.endsWith("/output") && status === 206);
  assert.equal(served.length, rangeCount, "no range twice");
  await assertRight(run);
});

test("a stream passes on no byte of a range that does not verify, and continues when it does", async () => {
  const change = onceBad["a byte is corrupt"];
  const once = newRun(({ range }, isFirst) => (range === badRange && isFirst ? change : undefined));
  const { target: _, ...options } = once.options;
  const pieces: Uint8Array[] = [];
  for await (const piece of streamJobOutput(client, { vaultName, jobId }, options)) {
    pieces.push(piece);
  }
  assert.ok(Buffer.concat(pieces).equals(content));
  assert.deepEqual(failed(once), [badRange]);

  newRun(({ range }) => (range === badRange ? change : undefined));
  const passed: Uint8Array[] = [];
  const broken = (async () => {
    for await (const piece of streamArchive(client, { vaultName, archiveId }, options)) {
      passed.push(piece);
    }
  })();
  await assert.rejects(broken, { name: "VerificationError" });
  assert.ok(Buffer.concat(passed).equals(content.subarray(0, 4 * mebibyte)));
});

test("a stream that reuses its buffers yields the same bytes", async () => {
  const { target: _, ...options } = newRun(() => undefined).options;
  const pieces: Uint8Array[] = [];
  const memories = new Set<ArrayBufferLike>();
  for await (const piece of streamJobOutput(client, { vaultName, jobId }, { ...options, reuseBuffers: true })) {
    pieces.push(Buffer.from(piece));
    memories.add(piece.buffer);
  }
  assert.ok(Buffer.concat(pieces).equals(content));
  assert.ok(memories.size < rangeCount, "memory is used again");
});

test("a stream refuses a server without checksums before the first byte, unless that is accepted", async () => {
  const {
    options: { target: _, ...options },
  } = newRun(() => ({ headers: { "x-amz-sha256-tree-hash": null } }));
  const read = async (acceptUnverified: boolean) => {
    let bytes = 0;
    for await (const piece of streamJobOutput(client, { vaultName, jobId }, { ...options, acceptUnverified })) {
      bytes += piece.length;
    }
    return bytes;
  };
  await assert.rejects(read(false), { name: "UnverifiableError" });
  assert.equal(await read(true), content.length);
});

test("an existing file is not overwritten unless asked, and one of another download is not touched", async () => {
  const run = newRun(() => undefined);
  await writeFile(run.target, "mine");
  await assert.rejects(download(run), { name: "TargetExistsError" });
  assert.equal(await readFile(run.target, "utf8"), "mine");
  await downloadJobOutput(client, { vaultName, jobId }, { ...run.options, overwrite: true });
  await assertRight(run);

  const late = newRun(() => undefined);
  const onEvent = (event: TransferEvent) => {
    if (event.kind === "progress" && event.verifiedBytes === content.length) {
      writeFileSync(late.target, "mine, and later");
    }
  };
  await assert.rejects(download({ ...late, options: { ...late.options, onEvent } }), { name: "TargetExistsError" });
  assert.equal(await readFile(late.target, "utf8"), "mine, and later");

  const foreign = newRun(() => undefined);
  await writeFile(`${foreign.target}.partial`, "mine too");
  await assert.rejects(download(foreign), { name: "JournalMismatchError" });
  assert.equal(await readFile(`${foreign.target}.partial`, "utf8"), "mine too");
});

test("the files of one download are not used for another", async () => {
  const run = newRun(({ range }) => (isWithinBad(range) ? { breakAfterBytes: 0 } : undefined));
  await assert.rejects(download(run, impatient));
  proxy.change = () => undefined;
  const range = { firstByte: 0, lastByte: 3 * mebibyte - 1 };
  const other = downloadJobOutput(client, { vaultName, jobId }, { ...run.options, range });
  await assert.rejects(other, { name: "JournalMismatchError", message: /its wanted differs/ });
  await download(run);
  await assertRight(run);
});

test("two downloads to one target are not at work at once", async () => {
  const run = newRun(() => undefined);
  const [first, second] = await Promise.allSettled([download(run), download(run)]);
  const refusals = [first, second].flatMap((each) => (each.status === "rejected" ? [each.reason.name] : []));
  assert.deepEqual(refusals, ["TransferBusyError"]);
  await assertRight(run);
});

test("an aborted download ends soon, and is resumed without the verified ranges", async () => {
  const run = newRun(() => undefined);
  const stop = new AbortController();
  const onEvent = (event: TransferEvent) => {
    if (event.kind === "progress" && event.verifiedBytes >= 3 * mebibyte) {
      stop.abort(new Error("enough"));
    }
  };
  const options = { ...run.options, concurrency: 1 };
  await assert.rejects(downloadJobOutput(client, { vaultName, jobId }, { ...options, onEvent, signal: stop.signal }), {
    message: "enough",
  });
  await assertAlone(run.target, [".partial", ".partial.journal"]);
  const result = await downloadJobOutput(client, { vaultName, jobId }, options);
  assert.ok(result.resumedBytes >= 3 * mebibyte);
  assert.equal(result.transferredBytes, content.length - result.resumedBytes);
  await assertRight(run);
});

test("a partial file that was changed on the disk is noticed, and only what changed is fetched again", async () => {
  const run = newRun(({ range }) => (isWithinBad(range) ? { breakAfterBytes: 0 } : undefined));
  await assert.rejects(download(run, impatient));
  const partial = await readFile(`${run.target}.partial`);
  partial[mebibyte + 5] = (partial[mebibyte + 5] ?? 0) ^ 1;
  await writeFile(`${run.target}.partial`, partial);
  proxy.change = () => undefined;
  await download(run);
  assert.ok(warned(run).includes("partial-changed"));
  await assertRight(run);
});

test("a range of an output is verified by its own checksums, and an unaligned one is refused unless accepted", async () => {
  const run = newRun(() => undefined);
  const range = { firstByte: 3 * mebibyte, lastByte: 8 * mebibyte - 1 };
  const result = await downloadJobOutput(client, { vaultName, jobId }, { ...run.options, range });
  assert.equal(result.verifiedBy, "ranges");
  assert.ok((await readFile(run.target)).equals(content.subarray(3 * mebibyte, 8 * mebibyte)));

  const odd = newRun(() => undefined);
  const unaligned = { ...odd.options, range: { firstByte: 10, lastByte: 2 * mebibyte } };
  await assert.rejects(downloadJobOutput(client, { vaultName, jobId }, unaligned), { name: "UnverifiableError" });
  await assertAlone(odd.target, []);
  const taken = await downloadJobOutput(client, { vaultName, jobId }, { ...unaligned, acceptUnverified: true });
  assert.equal(taken.verifiedBy, "nothing");
  assert.ok((await readFile(odd.target)).equals(content.subarray(10, 2 * mebibyte + 1)));
});

test("a hash that the caller knows must be the service's", async () => {
  const run = newRun(() => undefined);
  const options = { ...run.options, treeHash: "0".repeat(64) };
  await assert.rejects(downloadJobOutput(client, { vaultName, jobId }, options), { name: "VerificationError" });
  await assertAlone(run.target, []);
  await downloadJobOutput(client, { vaultName, jobId }, { ...run.options, treeHash: treeHash.toUpperCase() });
  await assertRight(run);
});
