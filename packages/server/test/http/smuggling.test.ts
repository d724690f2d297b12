import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket, parseAnswer } from "./raw-socket.ts";
import { signedText, textOf } from "./signed-text.ts";
import { type Smuggling, smugglingCorpus } from "./smuggling-corpus.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

test("nothing of the smuggling corpus is executed, and every case is refused in the API's form or cut off", {
  timeout: 60_000,
}, async () => {
  const outer = signedText(server, { method: "PUT", path: "/-/vaults/outer" });
  const inner = textOf(signedText(server, { method: "PUT", path: "/-/vaults/inner" }));
  const corpus = smugglingCorpus(outer, inner);
  assert.ok(corpus.length >= 150, `${corpus.length} cases`);
  const failures: string[] = [];
  for (let start = 0; start < corpus.length; start += 25) {
    const ends = await Promise.allSettled(corpus.slice(start, start + 25).map(assertRefused));
    failures.push(...ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : [])));
  }
  assert.deepEqual(failures, []);
  const vaults = await server.client.send({ method: "GET", path: "/-/vaults" });
  assert.deepEqual(vaults.json<{ VaultList: unknown[] }>().VaultList, []);
});

test("the requests of the corpus would have been executed, had nothing been wrong with them", async () => {
  const socket = await openSocket(server.port);
  socket.write(textOf(signedText(server, { method: "PUT", path: "/-/vaults/outer" }), ["Content-Length: 0"]));
  socket.write(textOf(signedText(server, { method: "PUT", path: "/-/vaults/inner" })));
  const answers = await answersOf(socket);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201],
  );
});

test("a response on its way is not mixed with the refusal of what comes after it", async () => {
  for (const garbage of ["garbage\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n"]) {
    const socket = await openSocket(server.port);
    socket.write(textOf(signedText(server, { method: "GET", path: "/-/vaults" })) + garbage, "latin1");
    // The first request was right: it is answered rightly, or not at all.
    const [first] = await answersOf(socket);
    assert.ok(first === undefined || first.status === 200, first?.text);
  }
});

async function assertRefused({ name, text }: Smuggling): Promise<void> {
  const socket = await openSocket(server.port);
  socket.write(Buffer.from(text, "latin1"));
  for (const answer of await answersOf(socket)) {
    assert.equal(Math.floor(answer.status / 100), 4, `${name}: ${answer.status} ${answer.text}`);
    assert.match(answer.headers.get("x-amzn-requestid") ?? "", /^[A-Za-z0-9_-]{48}$/, name);
    assert.equal(answer.headers.get("content-type"), "application/json", name);
    assert.deepEqual(Object.keys(answer.json() ?? {}), ["code", "message", "type"], name);
  }
}

/** All answers until the connection ends. A client that hears nothing more says that it will not send more either. */
async function answersOf(socket: Socket) {
  const pieces: Buffer[] = [];
  const ended = once(socket, "close");
  const quiet = setTimeout(() => socket.end(), 300);
  const limit = setTimeout(() => socket.destroy(new Error("The server holds on to the connection")), 8000);
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    quiet.refresh();
  });
  await ended.catch(() => undefined);
  clearTimeout(quiet);
  clearTimeout(limit);
  const answers = [];
  for (let rest = Buffer.concat(pieces); rest.length > 0; ) {
    const answer = parseAnswer(rest);
    assert.ok(answer, `an answer that is cut short: ${rest.toString("latin1")}`);
    answers.push(answer);
    rest = rest.subarray(answer.sizeBytes);
  }
  return answers;
}
