import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { openSocket, readAnswer } from "../http/raw-socket.ts";
import { uploadHead } from "../http/sending.ts";
import { newFolder, watchedDisk } from "../storage/watched-disk.ts";
import {
  contentHeaders,
  createVault,
  eventually,
  finishedJob,
  getOutput,
  mebibyte,
  randomContent,
  uploadArchive,
  vaultPath,
} from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// Announced uploads, on a disk of 64 MiB. A sixteenth or more of it is kept free.

const diskBytes = 64 * mebibyte;
const blockBytes = 4096;
const vault = "photos";

let server: TestServer;
let blobs: FilesystemBlobStore;
let freeBytes: number;
let folder: string;
let sockets: Socket[];
beforeEach(async () => {
  freeBytes = diskBytes;
  sockets = [];
  folder = await newFolder();
  const { disk } = watchedDisk(folder);
  const statfs = async () => ({
    bsize: blockBytes,
    blocks: diskBytes / blockBytes,
    bavail: Math.floor(freeBytes / blockBytes),
  });
  blobs = new FilesystemBlobStore(folder, { ...disk, statfs } as unknown as typeof disk);
  await blobs.prepare();
  server = await startTestServer({ nodes: 1, blobs });
  await createVault(server, vault);
});
afterEach(async () => {
  for (const socket of sockets) {
    socket.destroy();
  }
  await server.stop();
});

/** Announces an upload and sends the first of its bytes. */
async function announce(body: Buffer, sentBytes: number, head = uploadHead(server, body)): Promise<Socket> {
  const socket = await openSocket(server.port);
  sockets.push(socket);
  socket.write(head);
  socket.write(body.subarray(0, sentBytes));
  return socket;
}

const storageFull = /storage is full/;

describe("an upload that was announced and has not arrived", () => {
  test("takes no room from the uploads of others, however much it is", async () => {
    const announced = randomContent(40 * mebibyte);
    const head = uploadHead(server, announced);
    for (let count = 0; count < 17; count += 1) {
      await announce(announced, 1000, head);
    }
    await eventually("all are begun", async () => server.parts.intents.count === 17);
    const archive = randomContent(20 * mebibyte);
    const ArchiveId = await uploadArchive(server, vault, archive);
    const jobId = await finishedJob(server, vault, { Type: "archive-retrieval", ArchiveId });
    assert.ok((await getOutput(server, vault, jobId)).body.equals(archive));
  });

  test("is refused before it is sent when it surely does not fit", async () => {
    const socket = await announce(randomContent(60 * mebibyte), 0);
    const { status, text } = await readAnswer(socket);
    assert.equal(status, 500);
    assert.match(text, storageFull);
  });
});

test("an upload that meets a full disk in the middle is refused, frees what it wrote, and the next one is stored", async () => {
  const body = randomContent(30 * mebibyte);
  const socket = await announce(body, 10 * mebibyte);
  await eventually("some of it is written", async () => (await temporaryFiles()).length === 1);
  freeBytes = 17 * mebibyte;
  await blobs.space.measure();
  const answer = readAnswer(socket, 60_000);
  socket.write(body.subarray(10 * mebibyte));
  const { status, text } = await answer;
  assert.equal(status, 500);
  assert.match(text, storageFull);
  await eventually("its file is gone", async () => (await temporaryFiles()).length === 0);
  freeBytes = diskBytes;
  const again = { method: "POST", path: `${vaultPath(vault)}/archives`, headers: contentHeaders(body), body };
  assert.equal((await server.client.send(again)).status, 201);
});

const temporaryFiles = () => readdir(join(folder, "tmp"));
