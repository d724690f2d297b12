import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openSocket, readAnswer } from "../http/raw-socket.ts";
import { send, uploadHead } from "../http/sending.ts";
import { allow, demand, grant, makeUser } from "../support/admin.ts";
import { createVault, eventually, mebibyte, randomContent } from "../support/glacier.ts";
import { accountId, region, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

// The key or the permission of a caller is taken away while a body arrives: then nothing is stored for them any more.

const body = randomContent(2 * mebibyte);
const mayUpload = [allow("glacier:UploadArchive")];

let server: TestServer;
before(async () => {
  // Another node sees what changes within half a second, this one at once.
  server = await startTestServer({ nodes: 1 });
  await createVault(server, "photos");
});
after(() => server.stop());

/** Sends half of an archive, does `meanwhile`, and sends the rest. Resolves to the status and the error's code. */
async function uploadAround(key: Credentials, meanwhile: () => Promise<unknown>): Promise<string> {
  const socket = await openSocket(server.port);
  const answered = readAnswer(socket);
  await send(socket, uploadHead({ ...server, key }, body));
  await send(socket, body.subarray(0, mebibyte));
  await eventually("the upload is authorized", async () => server.parts.intents.count > 0);
  await meanwhile();
  await send(socket, body.subarray(mebibyte));
  const { status, json } = await answered.finally(() => socket.destroy());
  return `${status} ${json()?.code ?? ""}`;
}

async function archiveCount(): Promise<number | undefined> {
  const vault = await server.parts.metadata.findVault({ accountId, region, vaultName: "photos" });
  return vault?.archiveCount;
}

test("an upload whose key becomes inactive meanwhile stores nothing", async () => {
  const ann = await makeUser(server, "ann", mayUpload);
  const members = { userName: "ann", accessKeyId: ann.accessKeyId };
  const deactivate = () => demand(server, "UpdateAccessKey", { members, body: { Status: "Inactive" } });
  assert.equal(await uploadAround(ann, deactivate), "400 UnrecognizedClientException");
  assert.equal(await archiveCount(), 0);
});

test("an upload whose permission is taken away meanwhile stores nothing", async () => {
  const bob = await makeUser(server, "bob", mayUpload);
  const revoke = () => grant(server, "bob", [allow("glacier:ListVaults")]);
  assert.equal(await uploadAround(bob, revoke), "403 AccessDeniedException");
  assert.equal(await archiveCount(), 0);
});

test("an upload is stored though other users change meanwhile", async () => {
  const eve = await makeUser(server, "eve", mayUpload);
  assert.equal(await uploadAround(eve, () => makeUser(server, "dan", mayUpload)), "201 ");
  assert.equal(await archiveCount(), 1);
});
