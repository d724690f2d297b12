import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { after, before, test } from "node:test";
import { adminRequest } from "../support/admin.ts";
import { createVault, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket, readAnswer } from "./raw-socket.ts";
import { send } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "photos");
});
after(() => server.stop());

const body = JSON.stringify({ Policy: "{}" });
const claimed = { "x-amz-content-sha256": hash("sha256", body) };
const smudge = (head: string) => head.replace(/Signature=./, "Signature=x");
const smudgeKey = (head: string) => head.replace("Credential=AKIA", "Credential=AKIB");

/** The answer to a request whose body never comes. */
async function answerBeforeBody(head: string) {
  const socket = await openSocket(server.port);
  const answered = readAnswer(socket, 3000);
  await send(socket, head);
  const answer = await answered.finally(() => socket.destroy());
  return { status: answer.status, code: answer.json()?.code };
}

const putPolicy = { method: "PUT", path: `${vaultPath("photos")}/access-policy` };
const putUserPolicy = adminRequest("PutUserPolicy", { members: { userName: "ann", policyName: "all" } });
const length = [`Content-Length: ${body.length}`];

test("a wrong signature is refused before the body comes, when the client has sent its hash", async () => {
  for (const { method, path } of [putPolicy, { method: "PUT", path: vaultPath("photos") }, putUserPolicy]) {
    const service = path.startsWith("/admin/") ? "moraine" : "glacier";
    const head = textOf(signedText(server, { method, path, headers: claimed, service }), length);
    assert.deepEqual(await answerBeforeBody(smudge(head)), { status: 403, code: "InvalidSignatureException" });
  }
});

test("an unknown key is refused before the body comes, whether the client has sent its hash or not", async () => {
  for (const headers of [claimed, {}]) {
    const head = textOf(signedText(server, { ...putPolicy, headers }), length);
    assert.deepEqual(await answerBeforeBody(smudgeKey(head)), { status: 400, code: "UnrecognizedClientException" });
  }
});

test("the body must be the one whose hash was signed", async () => {
  const other = body.replace("{}", "[]");
  const socket = await openSocket(server.port);
  const answered = readAnswer(socket);
  await send(socket, textOf(signedText(server, { ...putPolicy, headers: claimed }), length, other));
  assert.match((await answered).json()?.message ?? "", /^The value passed in as x-amz-content-sha256 does not match/);
  socket.destroy();
});
