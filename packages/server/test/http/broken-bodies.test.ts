import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTarget, type Target } from "../auth/side-effects.ts";
import { mebibyte, partRequest, randomContent, uploadArchive } from "../support/glacier.ts";
import { openSocket, readAnswer, readToEnd } from "./raw-socket.ts";
import { eventually, holdings, partHead, send, uploadHead } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";

let target: Target;
let untouched: unknown;
let atRest: Awaited<ReturnType<typeof holdings>>;
const limits = { stallSeconds: 1, bytesPerSecondMin: 2000, drainSecondsMax: 1 };

before(async () => {
  target = await startTarget({ limits });
  // The first body makes what is then kept: threads, folders, prepared statements.
  await uploadArchive(target.server, "photos", randomContent(mebibyte));
  untouched = await target.snapshot();
  atRest = await holdings(target.server);
});
after(() => target.stop());

/** Nothing stored, no file started, all blocks back, no descriptor left. */
async function assertClean(): Promise<void> {
  const same = async () => JSON.stringify(await holdings(target.server)) === JSON.stringify(atRest);
  await eventually(same, 4000);
  assert.deepEqual(await holdings(target.server), atRest);
  assert.deepEqual(await target.snapshot(), untouched);
}

const body = randomContent(mebibyte);
const heads = () => [uploadHead(target.server, body), partHead(target.server, target.uploadId, body)];
const cuts = [0, 1, 100, 65_535, 65_536, 262_143, 262_144, 262_145, 500_000, 786_432, mebibyte - 1];

test("a body that ends before its announced length is refused or dropped, and nothing is stored", async () => {
  for (const head of heads()) {
    await Promise.all(
      cuts.map(async (length) => {
        const socket = await openSocket(target.server.port);
        const ended = readToEnd(socket, 8000);
        await send(socket, head);
        await send(socket, body.subarray(0, length));
        socket.end();
        const { text, ended: closed } = await ended;
        assert.ok(closed, `cut at ${length}`);
        assert.match(text, /^$|^HTTP\/1\.1 400 .*"code":"BadRequest"/s, `cut at ${length}`);
      }),
    );
  }
  await assertClean();
});

test("a connection that is reset within a body leaves nothing behind", async () => {
  for (const head of heads()) {
    await Promise.all(
      cuts.map(async (length) => {
        const socket = await openSocket(target.server.port);
        await send(socket, head);
        await send(socket, body.subarray(0, length));
        socket.resetAndDestroy();
      }),
    );
  }
  assert.ok(await eventually(() => target.server.records.every(({ error }) => error === null)));
  await assertClean();
});

test("a body that stalls is answered with 408 in time, and nothing is stored", async () => {
  await Promise.all(
    heads().flatMap((head) =>
      [0, 10, 300_000].map(async (length) => {
        const socket = await openSocket(target.server.port);
        await send(socket, head);
        await send(socket, body.subarray(0, length));
        const start = performance.now();
        const answer = await readAnswer(socket);
        assert.equal(answer.status, 408);
        assert.deepEqual(answer.json(), {
          code: "RequestTimeoutException",
          message: "Request timed out.",
          type: "Client",
        });
        assert.equal(answer.headers.get("connection"), "close");
        assert.ok(performance.now() - start < 4000);
        assert.ok((await readToEnd(socket, 4000)).ended, "the connection is closed then");
        socket.destroy();
      }),
    ),
  );
  await assertClean();
});

test("a JSON body that stalls is answered with 408 too", async () => {
  const socket = await openSocket(target.server.port);
  await send(
    socket,
    textOf(
      signedText(target.server, { method: "POST", path: "/-/vaults/photos/jobs" }),
      ["Content-Length: 50"],
      '{"Ty',
    ),
  );
  assert.equal((await readAnswer(socket)).status, 408);
  socket.destroy();
  await assertClean();
});

test("a body that drips more slowly than the least rate is answered with 408", async () => {
  const socket = await openSocket(target.server.port);
  await send(socket, uploadHead(target.server, body));
  const drip = setInterval(() => socket.write(body.subarray(0, 10)), 100);
  const answer = await readAnswer(socket);
  clearInterval(drip);
  assert.equal(answer.status, 408);
  socket.destroy();
  await assertClean();
});

test("an endless part without a length is refused once it is longer than its range", async () => {
  const socket = await openSocket(target.server.port);
  await send(socket, partHead(target.server, target.uploadId, body, ["Transfer-Encoding: chunked"]));
  const answered = readAnswer(socket);
  let done = false;
  void answered.finally(() => {
    done = true;
  });
  let sent = 0;
  const chunk = Buffer.concat([Buffer.from("40000\r\n"), Buffer.alloc(256 * 1024), Buffer.from("\r\n")]);
  for (; !done && sent < 100 * mebibyte; sent += chunk.length) {
    await send(socket, chunk);
    await new Promise(setImmediate);
  }
  const answer = await answered;
  socket.destroy();
  assert.equal(answer.status, 400);
  assert.match(
    answer.json()?.message ?? "",
    /^Content-Range: bytes 0-1048575\/\* is incompatible with Content-Length: /,
  );
  assert.ok(sent < 50 * mebibyte, `${sent} bytes were taken`);
  await assertClean();
});

test("an archive without a length and a JSON body without an end are refused", async () => {
  const socket = await openSocket(target.server.port);
  await send(socket, uploadHead(target.server, body, ["Transfer-Encoding: chunked"]));
  const answer = await readAnswer(socket);
  assert.deepEqual(answer.json(), {
    code: "MissingParameterValueException",
    message: "Required parameter missing: Content-Length",
    type: "Client",
  });
  socket.destroy();
  const endless = await openSocket(target.server.port);
  const job = signedText(target.server, { method: "POST", path: "/-/vaults/photos/jobs" });
  await send(endless, textOf(job, ["Transfer-Encoding: chunked"]));
  const refused = readAnswer(endless);
  for (let count = 0; count < 3; count += 1) {
    await send(endless, Buffer.concat([Buffer.from("80000\r\n"), Buffer.alloc(512 * 1024, " "), Buffer.from("\r\n")]));
  }
  assert.match((await refused).json()?.message ?? "", /must not be longer than 32768 bytes/);
  endless.destroy();
  await assertClean();
});

test("bytes after the announced length belong to no request", async () => {
  const [first, rest] = [body.subarray(0, 5), body.subarray(5, 500)];
  const socket = await openSocket(target.server.port);
  const ended = readToEnd(socket, 5000);
  // Signed for all of it, announced for less: the hash of what was announced does not fit.
  await send(
    socket,
    Buffer.concat([Buffer.from(uploadHead(target.server, body.subarray(0, 500), ["Content-Length: 5"])), first, rest]),
  );
  const { text } = await ended;
  assert.doesNotMatch(text, /HTTP\/1\.1 2/);
  socket.destroy();
  await assertClean();
});

test("a part with any one bit changed is refused, and its place stays empty", async () => {
  for (let at = 0; at < 24; at += 1) {
    const damaged = Buffer.from(body);
    const position = Math.floor((at * (body.length - 1)) / 23);
    damaged.writeUInt8(damaged.readUInt8(position) ^ (1 << (at % 8)), position);
    const request = partRequest("photos", target.uploadId, 0, body);
    const answer = await target.server.client.send({ ...request, body: damaged });
    assert.equal(answer.status, 403, answer.text);
    assert.equal(answer.json<{ code: string }>().code, "InvalidSignatureException");
  }
  await assertClean();
});

test("after all of that, bodies are stored as before", async () => {
  await Promise.all(Array.from({ length: 8 }, () => uploadArchive(target.server, "photos", body)));
});
