import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { createVault, initiateUpload, mebibyte, uploadArchive } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket, parseAnswer, readAnswer, readToEnd } from "./raw-socket.ts";
import { eventually, holdings, partHead, send, uploadHead } from "./sending.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({ limits: { drainBytesMax: 200 * mebibyte, drainSecondsMax: 10 } });
  await createVault(server, "photos");
});
after(() => server.stop());

const large = randomBytes(64 * mebibyte);
const smudge = (head: string) => head.replace(/Signature=./, "Signature=x");

test("a client that sends 64 MiB before it reads gets the whole answer to what was refused at once", {
  timeout: 30_000,
}, async () => {
  const uploadId = await initiateUpload(server, "photos", 64 * mebibyte);
  const small = large.subarray(0, 10);
  const length = [`Content-Length: ${large.length}`];
  for (const [head, status, code] of [
    [smudge(uploadHead(server, small, length)), 403, "InvalidSignatureException"],
    [uploadHead(server, small, length).replace(/Authorization.*\r\n/, ""), 400, "MissingAuthenticationTokenException"],
    [uploadHead(server, small, length).replace("/photos/", "/photos//"), 400, "BadRequest"],
    [partHead(server, uploadId, small, length), 400, "InvalidParameterValueException"],
    [partHead(server, "x".repeat(92), large.subarray(0, 10), length), 404, "ResourceNotFoundException"],
  ] as const) {
    const socket = await openSocket(server.port);
    socket.pause();
    await send(socket, head);
    for (let start = 0; start < large.length; start += mebibyte) {
      await send(socket, large.subarray(start, start + mebibyte));
    }
    assert.ok(!socket.destroyed, "the connection was not reset while the client was sending");
    const ended = readToEnd(socket, 5000);
    socket.resume();
    const { text, reset } = await ended;
    assert.equal(reset, false);
    const answer = parseAnswer(Buffer.from(text, "latin1"));
    assert.equal(answer?.status, status, text);
    assert.equal(answer.json()?.code, code);
    assert.equal(answer.headers.get("connection"), "close");
    socket.destroy();
  }
});

test("a client that sends headers without end before it reads gets the whole answer too", async () => {
  const socket = await openSocket(server.port);
  socket.pause();
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
  for (let count = 0; count < 8; count += 1) {
    await send(socket, "y".repeat(mebibyte));
  }
  const ended = readToEnd(socket, 5000);
  socket.resume();
  const { text, reset } = await ended;
  assert.equal(reset, false);
  assert.equal(parseAnswer(Buffer.from(text, "latin1"))?.json()?.code, "BadRequest");
  socket.destroy();
});

test("a client that sends on after a refusal without end is cut off", { timeout: 30_000 }, async (context) => {
  const bounded = await startTestServer({ limits: { drainBytesMax: 8 * mebibyte, drainSecondsMax: 2 } });
  context.after(() => bounded.stop());
  const socket = await openSocket(bounded.port);
  await send(socket, smudge(uploadHead(bounded, large.subarray(0, 1), [`Content-Length: ${4 * 1024 ** 3}`])));
  let sent = 0;
  const deadline = Date.now() + 8000;
  while (!socket.destroyed && Date.now() < deadline) {
    await send(socket, large.subarray(0, mebibyte));
    sent += mebibyte;
  }
  assert.ok(socket.destroyed, `${sent} bytes were taken`);
});

test("a client that leaves after a refusal, in place of sending on, costs nothing", async () => {
  const atRest = await holdings(server);
  const begun = server.records.length;
  const head = smudge(uploadHead(server, large));
  const start = performance.now();
  for (let count = 0; count < 10; count += 1) {
    const socket = await openSocket(server.port);
    await send(socket, head);
    socket.resetAndDestroy();
  }
  assert.ok(await eventually(() => server.records.length === begun + 10));
  assert.ok(performance.now() - start < 5000);
  await eventually(async () => (await holdings(server)).descriptors <= atRest.descriptors);
  assert.deepEqual(await holdings(server), atRest);
});

const expecting = (body: Uint8Array) => [`Content-Length: ${body.length}`, "Expect: 100-continue"];

test("a client that asks first gets 100 Continue, and its body is stored", async () => {
  const body = large.subarray(0, 2 * mebibyte);
  const socket = await openSocket(server.port);
  const asked = readAnswer(socket);
  await send(socket, uploadHead(server, body, expecting(body)));
  assert.equal((await asked).status, 100);
  const answer = readAnswer(socket);
  await send(socket, body);
  assert.equal((await answer).status, 201);
  socket.destroy();
});

test("a client that asks first is refused without 100 Continue", async () => {
  const body = large.subarray(0, 2 * mebibyte);
  const uploadId = await initiateUpload(server, "photos", mebibyte);
  for (const [head, status] of [
    [smudge(uploadHead(server, body, expecting(body))), 403],
    [uploadHead(server, body, expecting(body)).replace(/Authorization.*\r\n/, ""), 400],
    [partHead(server, uploadId, body, expecting(body)), 400],
    [partHead(server, "x".repeat(92), large.subarray(0, mebibyte), expecting(body)), 404],
    [uploadHead(server, Buffer.alloc(0), ["Content-Length: 0", "Expect: 100-continue"]), 400],
  ] as const) {
    const socket = await openSocket(server.port);
    const answer = readAnswer(socket);
    await send(socket, head);
    assert.equal((await answer).status, status);
    socket.destroy();
  }
});

test("after all of that, bodies are stored as before", async () => {
  await uploadArchive(server, "photos", large.subarray(0, mebibyte));
});
