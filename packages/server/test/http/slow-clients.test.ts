import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { createVault, finishedJob, mebibyte, randomContent, uploadArchive, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket, readAnswer, readToEnd } from "./raw-socket.ts";
import { eventually, holdings, send, uploadHead } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";

let server: TestServer;
let jobId: string;
const sizeBytes = 24 * mebibyte;

before(async () => {
  server = await startTestServer({ limits: { sendStallSeconds: 1, drainSecondsMax: 1 } });
  await createVault(server, "photos");
  const archiveId = await uploadArchive(server, "photos", randomContent(sizeBytes), "large");
  jobId = await finishedJob(server, "photos", { Type: "archive-retrieval", ArchiveId: archiveId });
});
after(() => server.stop());

const outputRequest = () =>
  textOf(signedText(server, { method: "GET", path: `${vaultPath("photos")}/jobs/${jobId}/output` }));

test("two hundred clients that send their headers a byte at a time are cut off by a deadline, and slow nobody down", {
  timeout: 30_000,
}, async () => {
  const text = textOf(signedText(server, { method: "GET", path: "/-/vaults" }));
  const sockets = await Promise.all(Array.from({ length: 200 }, () => openSocket(server.port)));
  const start = performance.now();
  const ends = sockets.map((socket) => readToEnd(socket, 20_000));
  let sent = 0;
  const drip = setInterval(() => {
    for (const [index, socket] of sockets.entries()) {
      // Some say nothing at all.
      if (index % 4 > 0 && socket.writable) {
        socket.write(text.slice(sent, sent + 1));
      }
    }
    sent += 1;
  }, 500);
  const others = await timesOf(200);
  for (const end of await Promise.all(ends)) {
    assert.ok(end.ended, "the connection is closed");
    assert.match(end.text, /^HTTP\/1\.1 408 .*"code":"RequestTimeoutException"/s);
  }
  clearInterval(drip);
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 16, `after ${seconds} s`);
  const middle = others[Math.floor(others.length / 2)] ?? 0;
  assert.ok(middle < 100, `others waited ${middle} ms in the median`);
});

async function timesOf(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    const answer = await server.client.send({ method: "GET", path: vaultPath("photos") });
    assert.equal(answer.status, 200);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

async function assertReturned(atRest: Awaited<ReturnType<typeof holdings>>): Promise<void> {
  assert.ok(await eventually(async () => (await holdings(server)).descriptors <= atRest.descriptors));
  const { blocks, leaves } = await holdings(server);
  assert.deepEqual({ blocks, leaves }, { blocks: atRest.blocks, leaves: atRest.leaves });
}

test("a client that goes away within an output costs nothing and is no failure", async () => {
  const atRest = await holdings(server);
  const begun = server.records.length;
  const leavers: Array<(socket: Socket) => unknown> = [
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.end(() => socket.destroy()),
  ];
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      leavers.map(async (leave) => {
        const socket = await openSocket(server.port);
        await send(socket, outputRequest());
        await new Promise((resolve) => socket.once("data", resolve));
        leave(socket);
      }),
    );
  }
  assert.ok(await eventually(() => server.records.length >= begun + 30));
  for (const { error, clientGone, operation } of server.records.slice(begun)) {
    assert.deepEqual({ error, clientGone, operation }, { error: null, clientGone: true, operation: "GetJobOutput" });
  }
  await assertReturned(atRest);
});

test("a client that stops reading is cut off, and its memory is used by others", async () => {
  const atRest = await holdings(server);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(server.port)));
  for (const socket of sockets) {
    socket.pause();
    await send(socket, outputRequest());
  }
  assert.ok(await eventually(async () => (await holdings(server)).leaves < atRest.leaves, 2000));
  assert.ok(await eventually(async () => (await holdings(server)).leaves === atRest.leaves, 8000));
  const short = await Promise.all(
    sockets.map(async (socket) => {
      const end = readToEnd(socket, 5000);
      socket.resume();
      return (await end).text.length;
    }),
  );
  assert.ok(
    short.every((length) => length < sizeBytes),
    "no output came whole",
  );
  for (const socket of sockets) {
    socket.destroy();
  }
  await assertReturned(atRest);
});

test("uploads that stop in the middle, however many, keep no other one waiting", { timeout: 20_000 }, async () => {
  const atRest = await holdings(server);
  const body = randomContent(mebibyte);
  const sockets = await Promise.all(Array.from({ length: 80 }, () => openSocket(server.port)));
  for (const socket of sockets) {
    await send(socket, uploadHead(server, body));
    await send(socket, body.subarray(0, 700_000));
  }
  assert.ok(await eventually(async () => (await holdings(server)).blocks === 0));
  await uploadArchive(server, "photos", randomContent(4 * mebibyte));
  assert.equal((await holdings(server)).blocks, 0, "the others have all blocks still");
  for (const socket of sockets) {
    socket.destroy();
  }
  await assertReturned(atRest);
});

test("outputs that nobody reads, however many, keep no other one waiting", { timeout: 20_000 }, async (context) => {
  const patient = await startTestServer({});
  context.after(() => patient.stop());
  await createVault(patient, "photos");
  const archiveId = await uploadArchive(patient, "photos", randomContent(sizeBytes));
  const ready = await finishedJob(patient, "photos", { Type: "archive-retrieval", ArchiveId: archiveId });
  const path = `${vaultPath("photos")}/jobs/${ready}/output`;
  const sockets = await Promise.all(Array.from({ length: 40 }, () => openSocket(patient.port)));
  for (const socket of sockets) {
    socket.pause();
    await send(socket, textOf(signedText(patient, { method: "GET", path })));
  }
  assert.ok(await eventually(async () => (await holdings(patient)).leaves === 0));
  const { body } = await patient.client.send({ method: "GET", path });
  assert.equal(body.length, sizeBytes);
  assert.equal((await holdings(patient)).leaves, 0, "the others have all blocks still");
  for (const socket of sockets) {
    socket.destroy();
  }
  assert.ok(await eventually(async () => (await holdings(patient)).leaves === 16));
});

test("a connection serves on after an error", async () => {
  const socket = await openSocket(server.port);
  const get = (path: string) => textOf(signedText(server, { method: "GET", path }));
  const unsigned = "GET /-/vaults HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const [text, status] of [
    [get(vaultPath("missing")), 404],
    [get(vaultPath("photos")), 200],
    [unsigned, 400],
    [get("/-/vaults?limit=x"), 400],
    [get(vaultPath("photos")).replace(/Signature=./, "Signature=x"), 403],
    [get("/000000000000/vaults"), 403],
    [get(vaultPath("photos")), 200],
  ] as const) {
    const answer = readAnswer(socket);
    await send(socket, text);
    assert.equal((await answer).status, status);
  }
  socket.destroy();
});
