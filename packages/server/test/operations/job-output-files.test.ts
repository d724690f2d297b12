import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BlobReader } from "../../src/domain/stores/blob-store.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import {
  assertSameBytes,
  createVault,
  deleteArchive,
  eventually,
  finishedJob,
  getOutput,
  mebibyte,
  randomContent,
  uploadArchive,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

class CountingStore extends FilesystemBlobStore {
  opened = 0;
  bytesRead = 0;

  override async open(key: string): Promise<BlobReader> {
    this.opened += 1;
    const reader = await super.open(key);
    return {
      sizeBytes: reader.sizeBytes,
      read: (into, position) => {
        this.bytesRead += into.length;
        return reader.read(into, position);
      },
      close: () => reader.close(),
    };
  }
}

let folder: string;
let blobs: CountingStore;
let server: TestServer;
const bytes = randomContent(16 * mebibyte);
let jobId: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-files-"));
  blobs = new CountingStore(folder);
  await blobs.prepare();
  server = await startTestServer({ nodes: 1, blobs });
  await createVault(server, "vault");
  const archiveId = await uploadArchive(server, "vault", bytes);
  jobId = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function assertRange(leaf: number): Promise<void> {
  const first = leaf * mebibyte;
  const answer = await getOutput(server, "vault", jobId, `bytes=${first}-${first + mebibyte - 1}`);
  assert.equal(answer.status, 206);
  assert.ok(answer.headers["x-amz-sha256-tree-hash"] !== undefined);
  assertSameBytes(answer.body, bytes.subarray(first, first + mebibyte));
}

test("ranges of one output open its file once, and read little but their own bytes", async () => {
  blobs.opened = 0;
  blobs.bytesRead = 0;
  await Promise.all(Array.from({ length: 16 }, (_, leaf) => assertRange(leaf)));
  for (let leaf = 0; leaf < 16; leaf += 1) {
    await assertRange(leaf);
  }
  assert.equal(blobs.opened, 1);
  assert.ok(blobs.bytesRead - 2 * bytes.length < 2 * 4096, `${blobs.bytesRead} bytes`);
});

test("a file that was damaged while it was open is opened again, and read once it has been restored", async () => {
  await assertRange(3);
  const [shelf = ""] = (await readdir(join(folder, "blobs"), { recursive: true })).filter((name) => name.length > 10);
  const file = join(folder, "blobs", shelf);
  const whole = await readFile(file);
  const damaged = Buffer.from(whole);
  damaged.writeUInt8(damaged.readUInt8(3 * mebibyte) ^ 1, 3 * mebibyte);
  await chmod(file, 0o600);
  await writeFile(file, damaged);
  assert.equal((await getOutput(server, "vault", jobId, "bytes=3145728-3145728")).status, 500);
  blobs.opened = 0;
  await assertRange(4);
  assert.equal(blobs.opened, 1);
  await writeFile(file, whole);
  await assertRange(3);
});

async function openFiles(): Promise<string[]> {
  const descriptors = await readdir("/proc/self/fd");
  const paths = await Promise.all(descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return paths.filter((path) => path.startsWith(folder));
}

test("a file that has been removed is not kept open, so that its space is free", async () => {
  const archiveId = await uploadArchive(server, "vault", randomContent(mebibyte));
  const retrieved = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
  await getOutput(server, "vault", retrieved);
  const [path = ""] = (await openFiles()).slice(-1);
  await deleteArchive(server, "vault", archiveId);
  const swept = server.sweeps.length;
  server.clock.advance(2 * dayMilliseconds);
  await eventually("the file is removed", async () =>
    server.sweeps.slice(swept).some(({ removedCount }) => removedCount > 0),
  );
  await eventually("no removed file is open", async () =>
    (await openFiles()).every((open) => open !== `${path} (deleted)`),
  );
});

test("a server that has stopped has no file open", async () => {
  const archiveId = await uploadArchive(server, "vault", randomContent(mebibyte));
  const retrieved = await finishedJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId });
  await getOutput(server, "vault", retrieved);
  assert.notDeepEqual(await openFiles(), []);
  await server.stop();
  assert.deepEqual(await openFiles(), []);
});
