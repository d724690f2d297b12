import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, closeSync, createReadStream, createWriteStream, open, openAsBlob } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Bandwidth } from "../packages/client/src/transfers/bandwidth.ts";
import { uploadArchive } from "../packages/client/src/transfers/upload/upload-archive.ts";
import { contentOf } from "./support/content.ts";
import { UploadRig } from "./support/upload-rig.ts";

const mebibyte = 1024 ** 2;
const content = contentOf(21, 6 * mebibyte + 77);

let rig: UploadRig;
before(async () => {
  rig = await UploadRig.start("sources");
});
after(() => rig[Symbol.asyncDispose]());

/** Calls a function when the first piece of a body is about to be sent; limits nothing. */
class AtFirstPiece extends Bandwidth {
  #act: (() => void) | null;

  constructor(act: () => void) {
    super(1024 ** 3);
    this.#act = act;
  }

  override async take(): Promise<void> {
    this.#act?.();
    this.#act = null;
  }
}

test("a stream of a range of a file is uploaded as that range, not as the file", async () => {
  const { path, options } = await rig.newRun(content);
  const stream = createReadStream(path, { start: 1_000_000, end: 2_999_999 });
  const { archiveId, sizeBytes } = await uploadArchive(rig.client, stream, options);
  assert.equal(sizeBytes, 2_000_000);
  await rig.assertStored(archiveId, content.subarray(1_000_000, 3_000_000));
});

test("blobs, of a file and of memory, and file: URLs are uploaded, in one request and in parts", async () => {
  const { path, options } = await rig.newRun(content);
  for (const source of [await openAsBlob(path), new Blob([content]).slice(5), pathToFileURL(path)]) {
    for (const partSizeBytes of [undefined, mebibyte]) {
      const { archiveId } = await uploadArchive(rig.client, source, { ...options, partSizeBytes });
      await rig.assertStored(archiveId, source instanceof Blob ? content.subarray(-source.size) : content);
    }
  }
});

test("a blob of a file that has changed makes no archive", async () => {
  const before = await rig.archiveIds();
  const { path, options } = await rig.newRun(content);
  const blob = await openAsBlob(path);
  appendFileSync(path, "more");
  await assert.rejects(uploadArchive(rig.client, blob, options), { name: "SourceChangedError" });
  assert.deepEqual(await rig.archiveIds(), before);
});

test("the path of a named pipe uploads the bytes read from it", async () => {
  const { path, options } = await rig.newRun(content);
  await promisify(execFile)("mkfifo", [`${path}.pipe`]);
  const uploading = uploadArchive(rig.client, { path: `${path}.pipe` }, options);
  createReadStream(path).pipe(createWriteStream(`${path}.pipe`));
  await rig.assertStored((await uploading).archiveId, content);
});

test("an upload of a named pipe whose producer is silent ends when it is aborted", async () => {
  const { path, options } = await rig.newRun(content);
  await promisify(execFile)("mkfifo", [`${path}.pipe`]);
  const stop = new AbortController();
  const uploading = uploadArchive(rig.client, { path: `${path}.pipe` }, { ...options, signal: stop.signal });
  const producer = await promisify(open)(`${path}.pipe`, "w");
  stop.abort(new Error("stopped"));
  await assert.rejects(uploading, { message: "stopped" });
  closeSync(producer);
});

test("a file whose size the system does not report is uploaded as far as it can be read", {
  skip: process.platform !== "linux",
}, async () => {
  const { options } = await rig.newRun(content);
  const path = "/proc/version";
  assert.equal((await stat(path)).size, 0);
  const { archiveId } = await uploadArchive(rig.client, { path }, options);
  await rig.assertStored(archiveId, await readFile(path));
});

test("an invalid source is a TypeError that names the expected ones", async () => {
  const { options, requests } = await rig.newRun(content);
  const text = async function* () {
    yield "text";
  };
  for (const source of [
    "file",
    null,
    undefined,
    7,
    {},
    { path: 7 },
    { path: rig.folder },
    new URL("http://host/file"),
    text(),
  ]) {
    await assert.rejects(uploadArchive(rig.client, source as never, options), { name: "TypeError" });
  }
  await assert.rejects(uploadArchive(rig.client, "file" as never, options), {
    message: "Invalid source string: expected { path }, a file: URL, a Uint8Array, a Blob or a stream of Uint8Arrays",
  });
  await assert.rejects(uploadArchive(rig.client, { path: join(rig.folder, "missing") }, options), { code: "ENOENT" });
  assert.deepEqual(requests(), []);
});

test("a file of one part that grows while it is sent makes no archive", async () => {
  const before = await rig.archiveIds();
  const { path, source, options } = await rig.newRun(content);
  const bandwidth = new AtFirstPiece(() => appendFileSync(path, "more"));
  await assert.rejects(uploadArchive(rig.client, source, { ...options, bandwidth }), {
    name: "SourceChangedError",
    message: `${path} changed while it was uploaded; no archive was made of it`,
  });
  assert.deepEqual(await rig.archiveIds(), before);
});

test("a file of several parts that grows is noticed during the current part, not at the end", async () => {
  const before = await rig.archiveIds();
  const { path, source, options, sentParts } = await rig.newRun(content);
  const bandwidth = new AtFirstPiece(() => appendFileSync(path, "more"));
  const parts = { partSizeBytes: mebibyte, concurrency: 1, bandwidth };
  await assert.rejects(uploadArchive(rig.client, source, { ...options, ...parts }), { name: "SourceChangedError" });
  assert.equal(sentParts().length, 1);
  assert.deepEqual(await rig.archiveIds(), before);
});
