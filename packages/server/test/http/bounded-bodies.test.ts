import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { adminRequest } from "../support/admin.ts";
import { assertError, createVault, eventually, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket, readAnswer } from "./raw-socket.ts";
import { send } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";

const kibibyte = 1024;
let server: TestServer;
before(async () => {
  server = await startTestServer({ limits: { bufferedBytesMax: 256 * kibibyte } });
  await createVault(server, "photos");
});
after(() => server.stop());

const path = vaultPath("photos");
const tooLong = (sizeBytesMax: number) => ({
  status: 400,
  code: "BadRequest",
  message: `The body of this request must not be longer than ${sizeBytesMax} bytes`,
});

test("each operation has its own limit for a body", async () => {
  for (const [method, target, sizeBytesMax] of [
    ["GET", path, 1024],
    ["PUT", path, 1024],
    ["DELETE", `${path}/archives/x`, 1024],
    ["POST", `${path}/lock-policy/x`, 1024],
    ["POST", `${path}/multipart-uploads`, 1024],
    ["PUT", `${path}/access-policy`, 124_928],
    ["POST", `${path}/lock-policy`, 124_928],
    ["POST", `${path}/tags?operation=add`, 32_768],
    ["POST", `${path}/tags?operation=remove`, 32_768],
    ["PUT", `${path}/notification-configuration`, 8192],
    ["POST", `${path}/jobs`, 32_768],
    ["PUT", "/-/policies/data-retrieval", 8192],
  ] as const) {
    const body = " ".repeat(sizeBytesMax + 1);
    assertError(await server.client.send({ method, path: target, body }), tooLong(sizeBytesMax));
  }
  const members = { userName: "ann", policyName: "all" };
  const policy = adminRequest("PutUserPolicy", { members, body: " ".repeat(124_929) });
  assertError(await server.client.send(policy), tooLong(124_928));
  const user = adminRequest("CreateUser", { members, body: " ".repeat(1025) });
  assertError(await server.client.send(user), tooLong(1024));
});

test("a body that is announced as too long is refused before it comes, and without being asked for", async () => {
  const head = signedText(server, { method: "PUT", path });
  const socket = await openSocket(server.port);
  const answered = readAnswer(socket, 3000);
  await send(socket, textOf(head, ["Content-Length: 1025", "Expect: 100-continue"]));
  assert.equal((await answered).status, 400);
  socket.destroy();
});

test("bodies that nobody has signed give way to those of honest callers", async () => {
  const head = signedText(server, { method: "PUT", path: `${path}/access-policy` });
  const forged = textOf(head, ["Content-Length: 120000"]).replace(/Signature=./, "Signature=x");
  const strangers = await Promise.all(Array.from({ length: 8 }, () => openSocket(server.port)));
  const answers = strangers.map((socket) => readAnswer(socket).catch(() => null));
  for (const socket of strangers) {
    await send(socket, forged);
    await send(socket, " ".repeat(100_000));
  }
  // Two of them have room.
  let refused = 0;
  for (const answer of answers) {
    void answer.then((given) => {
      refused += given?.status === 503 && given.json()?.code === "ServiceUnavailableException" ? 1 : 0;
    });
  }
  await eventually("the others are refused", async () => refused === 6);
  const body = JSON.stringify({ Tags: { color: "blue" } });
  const tags = { method: "POST", path: `${path}/tags?operation=add`, body };
  assert.equal((await server.client.send(tags)).status, 204, "a caller who sends little is served meanwhile");
  for (const socket of strangers) {
    socket.destroy();
  }
});
