import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient, type GlacierClient } from "../packages/client/src/node.ts";
import { Bandwidth } from "../packages/client/src/transfers/bandwidth.ts";
import type { TransferEvent } from "../packages/client/src/transfers/events.ts";
import { uploadArchive } from "../packages/client/src/transfers/upload/upload-archive.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { type Change, type Passed, WatchingProxy } from "./support/watching-proxy.ts";

const mebibyte = 1024 ** 2;
const vaultName = "uploads";
const partSizeBytes = mebibyte;
const content = contentOf(11, 6 * mebibyte + 77);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let proxy: WatchingProxy;
let http: GlacierHttp;
let client: GlacierClient;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  proxy = await WatchingProxy.start(server.url);
  http = new GlacierHttp(server.url);
  client = await createClient({ endpoint: proxy.url, region, credentials: rootKey, attemptsMax: 2 });
  await http.createVault(vaultName);
});
after(async () => {
  http.close();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

let runs = 0;

/** A fresh source and journal, and a server that changes its responses by the given function. */
async function newRun(change: (request: Passed) => Change | undefined = () => undefined) {
  const path = join(folder.path, `source-${runs}`);
  const journal = join(folder.path, `journal-${runs}`);
  runs += 1;
  await writeFile(path, content);
  const from = proxy.passed.length;
  proxy.change = change;
  const events: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => events.push(event);
  const sent = () => proxy.parts(from).map(({ range }) => range);
  const requests = () => proxy.passed.slice(from).map(({ method }) => method);
  return {
    path,
    source: { path },
    journal,
    events,
    sent,
    requests,
    options: { vaultName, partSizeBytes, journal, onEvent },
  };
}

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes);
  }
}

async function assertStored(archiveId: string, bytes: Uint8Array): Promise<void> {
  assert.ok((await http.retrieve(vaultName, archiveId)).equals(bytes));
}

const archiveCount = async () => (await http.inventory(vaultName)).length;
const isComplete = ({ method, path }: Passed) => method === "POST" && /\/multipart-uploads\/./.test(path);

test("a file, bytes and a stream make the same archive, in parts whose hashes make its tree hash", async () => {
  const { source, options } = await newRun();
  const { journal: _, ...plain } = options;
  for (const each of [source, content, inPieces(content, 300_001)]) {
    const { archiveId, treeHash, sizeBytes } = await uploadArchive(client, each, plain);
    assert.equal(treeHash, treeHashOf(content));
    assert.equal(sizeBytes, content.length);
    await assertStored(archiveId, content);
  }
});

test("a source of one part is sent in one request, with its description, also from a stream", async () => {
  const { requests, options } = await newRun();
  const { journal: _, ...plain } = options;
  const small = contentOf(3, 1000);
  const { archiveId } = await uploadArchive(client, inPieces(small, 10), { ...plain, description: 'say "\\' });
  assert.deepEqual(requests(), ["POST"]);
  await assertStored(archiveId, small);
  const entry = (await http.inventory(vaultName)).find(({ ArchiveId }) => ArchiveId === archiveId);
  assert.equal(entry?.ArchiveDescription, 'say "\\');
  const exact = await uploadArchive(client, contentOf(4, mebibyte), plain);
  assert.equal(requests().length, 2);
  await assertStored(exact.archiveId, contentOf(4, mebibyte));
});

test("an empty source is refused", async () => {
  const { options } = await newRun();
  for (const nothing of [new Uint8Array(), inPieces(new Uint8Array(), 1)]) {
    await assert.rejects(uploadArchive(client, nothing, { vaultName: options.vaultName }), RangeError);
  }
});

test("a part that is damaged in transit is sent again, by itself", async () => {
  let failures = 2;
  const refusal = {
    status: 400,
    code: "InvalidParameterValueException",
    message: "Checksum mismatch: expected a, computed b",
  };
  const { source, options, events, sent } = await newRun(({ range }) =>
    range === `${2 * mebibyte}-${3 * mebibyte - 1}` && failures-- > 0 ? { refusal } : undefined,
  );
  const { archiveId } = await uploadArchive(client, source, options);
  assert.equal(sent().length, 9);
  const failed = events.flatMap((event) => (event.kind === "range-failed" ? [event.range.firstByte] : []));
  assert.deepEqual(failed, [2 * mebibyte, 2 * mebibyte]);
  await assertStored(archiveId, content);
});

test("a part for which the service reports another tree hash is sent again, and fails if it always does", async () => {
  const headers = { "x-amz-sha256-tree-hash": "0".repeat(64) };
  let lies = 2;
  const isLie = ({ range }: Passed) => range === `0-${mebibyte - 1}` && lies-- > 0;
  const run = await newRun((request) => (isLie(request) ? { headers } : undefined));
  await assertStored((await uploadArchive(client, run.source, run.options)).archiveId, content);
  assert.equal(run.sent().length, 9);
  const always = await newRun(({ range }) => (range?.startsWith("0-") ? { headers } : undefined));
  await assert.rejects(uploadArchive(client, always.source, always.options), { name: "VerificationError" });
});

for (const kind of ["file", "stream"] as const) {
  test(`a Complete of a ${kind} whose response was lost is recognised by the next run, which sends no part and makes no second archive`, async () => {
    const before = await archiveCount();
    const run = await newRun((request) => (isComplete(request) ? { swallowed: true } : undefined));
    const source = () => (kind === "file" ? run.source : inPieces(content, 99_999));
    await assert.rejects(uploadArchive(client, source(), run.options), { name: "GlacierConnectionError" });
    assert.equal(await archiveCount(), before + 1, "the service has carried it out");

    proxy.change = () => undefined;
    const count = run.sent().length;
    const { archiveId, treeHash, resumedBytes } = await uploadArchive(client, source(), run.options);
    assert.equal(run.sent().length, count);
    assert.equal(treeHash, treeHashOf(content));
    assert.equal(resumedBytes, content.length);
    assert.equal(await archiveCount(), before + 1);
    await assertStored(archiveId, content);
    assert.equal(
      (await uploadArchive(client, source(), run.options)).archiveId,
      archiveId,
      "and so does every later run",
    );
    const others = Buffer.from(content);
    others[7] = (others[7] ?? 0) ^ 1;
    if (kind === "stream") {
      await assert.rejects(uploadArchive(client, inPieces(others, 99_999), run.options), {
        name: "SourceChangedError",
      });
    }
  });
}

test("a Complete whose upload no longer exists is no reason to upload again: only an inventory can show the outcome", async () => {
  const run = await newRun((request) => (isComplete(request) ? { swallowed: true } : undefined));
  await assert.rejects(uploadArchive(client, run.source, run.options));
  const refusal = { status: 404, code: "ResourceNotFoundException", message: "The upload ID was not found: x" };
  proxy.change = (request) => (request.path.includes("/multipart-uploads/") ? { refusal } : undefined);
  const count = run.sent().length;
  await assert.rejects(uploadArchive(client, run.source, run.options), {
    name: "CompletionUnknownError",
    treeHash: treeHashOf(content),
    sizeBytes: content.length,
  });
  assert.equal(run.sent().length, count);
});

for (const [end, answer, fails] of [
  ["whose answer never came", { swallowed: true }, () => undefined],
  [
    "that failed at the service",
    { refusal: { status: 500, code: "ServiceUnavailableException", message: "no" } },
    () => undefined,
  ],
  ["that was interrupted", { swallowed: true }, (stop: AbortController) => stop.abort(new Error("interrupted"))],
] as const) {
  test(`a Complete ${end} is reported as unknown without a journal, with the archive to look for`, async () => {
    const stop = new AbortController();
    const run = await newRun((request) => {
      if (!isComplete(request)) {
        return undefined;
      }
      fails(stop);
      return answer;
    });
    const { journal: _, ...plain } = run.options;
    const upload = uploadArchive(client, inPieces(content, 99_999), { ...plain, signal: stop.signal });
    await assert.rejects(upload, {
      name: "CompletionUnknownError",
      message:
        /^Whether the service has completed upload [\w-]+ is not known \(.*tree hash \w{64} in the next inventory/,
      treeHash: treeHashOf(content),
      sizeBytes: content.length,
    });
  });
}

test("a Complete that is refused leaves nothing without a journal", async () => {
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  const run = await newRun((request) => (isComplete(request) ? { refusal } : undefined));
  const { journal: _, ...plain } = run.options;
  await assert.rejects(uploadArchive(client, run.source, plain), { name: "AccessDeniedException" });
  assert.equal(run.requests().at(-1), "DELETE");
});

test("an archive for which the service reports another tree hash fails, with its id, until the right one is reported", async () => {
  const headers = { "x-amz-sha256-tree-hash": "0".repeat(64) };
  const run = await newRun((request) => (isComplete(request) ? { headers } : undefined));
  const failure = { name: "VerificationError", message: /made archive [\w-]{138}\./ };
  await assert.rejects(uploadArchive(client, run.source, run.options), failure);
  await assert.rejects(uploadArchive(client, run.source, run.options), failure);
  const [, recorded] = /"archiveId":"([\w-]{138})"/.exec(await readFile(run.journal, "utf8")) ?? [];
  proxy.change = () => undefined;
  assert.equal((await uploadArchive(client, run.source, run.options)).archiveId, recorded);

  const upper = { "x-amz-sha256-tree-hash": treeHashOf(content).toUpperCase() };
  const other = await newRun((request) => (isComplete(request) ? { headers: upper } : undefined));
  await uploadArchive(client, other.source, other.options);
});

test("an upload that no longer exists before it was completed starts again, with a warning", async () => {
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  const run = await newRun(({ range }) => (range?.startsWith(`${4 * mebibyte}-`) ? { refusal } : undefined));
  await assert.rejects(uploadArchive(client, run.source, { ...run.options, concurrency: 1 }), {
    name: "AccessDeniedException",
  });
  proxy.change = () => undefined;
  const { UploadsList } = await client.listMultipartUploads({ vaultName });
  const { upload } = JSON.parse((await readFile(run.journal, "utf8")).split("\n")[1] ?? "");
  assert.ok(UploadsList.some(({ MultipartUploadId }) => MultipartUploadId === upload.uploadId));
  await client.abortMultipartUpload({ vaultName, uploadId: upload.uploadId });
  const { archiveId } = await uploadArchive(client, run.source, run.options);
  assert.ok(run.events.some((event) => event.kind === "warning" && event.code === "upload-gone"));
  await assertStored(archiveId, content);
});

test("an upload is resumed with its part size, and sends a part whose bytes have changed in a stream", async () => {
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  const run = await newRun(({ range }) => (range?.startsWith(`${4 * mebibyte}-`) ? { refusal } : undefined));
  await assert.rejects(uploadArchive(client, inPieces(content, 50_000), { ...run.options, concurrency: 1 }));
  proxy.change = () => undefined;
  const changed = Buffer.from(content);
  changed[mebibyte + 1] = (changed[mebibyte + 1] ?? 0) ^ 1;
  const count = run.sent().length;
  const { archiveId } = await uploadArchive(client, inPieces(changed, 50_000), {
    ...run.options,
    partSizeBytes: 2 * mebibyte,
  });
  assert.deepEqual(
    run
      .sent()
      .slice(count)
      .map((range) => Number(range?.split("-")[0]) / mebibyte)
      .sort(),
    [1, 4, 5, 6],
  );
  await assertStored(archiveId, changed);
});

test("a file that changed since its upload was started, or while it is read, makes no archive", async () => {
  const before = await archiveCount();
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  const run = await newRun((request) => (isComplete(request) ? { refusal } : undefined));
  await assert.rejects(uploadArchive(client, run.source, run.options), { name: "AccessDeniedException" });
  await utimes(run.path, 1, 1);
  await assert.rejects(uploadArchive(client, run.source, run.options), { name: "JournalMismatchError" });

  const other = await newRun(({ range }) => {
    if (range?.startsWith(`${5 * mebibyte}-`)) {
      writeFile(other.path, contentOf(12, content.length)).catch(() => undefined);
    }
    return undefined;
  });
  await assert.rejects(
    uploadArchive(client, other.source, { ...other.options, concurrency: 1 }),
    /changed|was longer|does not match/,
  );

  const late = await newRun(({ range }) => {
    if (range?.startsWith(`${6 * mebibyte}-`)) {
      writeFileSync(late.path, contentOf(12, content.length));
    }
    return undefined;
  });
  await assert.rejects(uploadArchive(client, late.source, { ...late.options, concurrency: 1 }), {
    name: "SourceChangedError",
  });
  assert.equal(await archiveCount(), before);
});

test("an upload without a journal leaves nothing at the service when it fails", async () => {
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  const run = await newRun((request) => (request.range?.startsWith(`${4 * mebibyte}-`) ? { refusal } : undefined));
  const uploads = async () => (await client.listMultipartUploads({ vaultName })).UploadsList.length;
  const before = await uploads();
  const { journal: _, ...plain } = run.options;
  await assert.rejects(uploadArchive(client, run.source, plain), { name: "AccessDeniedException" });
  assert.equal(await uploads(), before);
});

test("an upload of a silent pipe ends when it is aborted", async () => {
  const run = await newRun();
  const silent = async function* () {
    yield content.subarray(0, 3 * mebibyte);
    await new Promise(() => undefined);
  };
  const stop = AbortSignal.timeout(500);
  const started = performance.now();
  await assert.rejects(uploadArchive(client, silent(), { ...run.options, signal: stop }), { name: "TimeoutError" });
  assert.ok(performance.now() - started < 5000);
});

test("large parts of a stream wait in a file that has no name", async () => {
  const run = await newRun();
  const large = contentOf(13, 17 * mebibyte);
  const names = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("moraine-parts-"));
  const before = await names();
  const { archiveId } = await uploadArchive(client, inPieces(large, mebibyte), {
    ...run.options,
    partSizeBytes: 16 * mebibyte,
  });
  assert.deepEqual(await names(), before);
  assert.equal(run.sent().length, 2);
  await assertStored(archiveId, large);
});

test("an upload keeps to its bandwidth", async () => {
  const run = await newRun();
  const started = performance.now();
  await uploadArchive(client, run.source, { ...run.options, bandwidth: new Bandwidth(4 * mebibyte) });
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > content.length / (4 * mebibyte) - 0.3, `${seconds} s`);
});

test("an upload with a low bandwidth sends as few parts at once as its rate allows", async () => {
  class OutOfTime extends Bandwidth {
    override take(): Promise<void> {
      return Promise.resolve();
    }
  }
  for (const [kibibytesPerSecond, expected] of [
    [2, 1],
    [24, 1],
    [48, 3],
  ] as const) {
    const run = await newRun();
    let underWay = 0;
    let most = 0;
    const counting: GlacierClient = {
      ...client,
      async uploadMultipartPart(...call) {
        most = Math.max(most, ++underWay);
        return client.uploadMultipartPart(...call).finally(() => --underWay);
      },
    };
    const bandwidth = new OutOfTime(kibibytesPerSecond * 1024);
    await uploadArchive(counting, run.source, { ...run.options, concurrency: 4, bandwidth });
    assert.equal(most, expected);
  }
});
