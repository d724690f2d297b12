import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import { openSocket, readAnswer } from "../http/raw-socket.ts";
import { uploadHead } from "../http/sending.ts";
import {
  completeRequest,
  createVault,
  deleteArchive,
  eventually,
  finishedJob,
  getOutput,
  initiateJob,
  initiateUpload,
  mebibyte,
  partRequest,
  randomContent,
  uploadArchive,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { dayMilliseconds, hourMilliseconds, startTestServer, startTime, type TestServer } from "../support/server.ts";

const jump = 26 * hourMilliseconds;
const vault = "photos";
const inventory = { Type: "inventory-retrieval" };

let server: TestServer;
afterEach(() => server.stop());

/** Moves the clock, and waits until every task of upkeep has had its turn at the new time. */
async function moveClock(milliseconds: number): Promise<void> {
  server.clock.advance(milliseconds);
  await nextRound();
  server.clock.advance(60_000);
  await nextRound();
}

async function nextRound(): Promise<void> {
  const before = server.sweeps.length;
  await eventually("upkeep has swept", async () => server.sweeps.length > before);
}

/** An upload that has sent half of its body; resolves to what sends the rest and gives the response. */
async function halfAnUpload(body: Buffer) {
  const socket = await openSocket(server.port);
  socket.write(uploadHead(server, body));
  socket.write(body.subarray(0, body.length / 2));
  await eventually("its intent is recorded", async () => server.parts.intents.count === 1);
  return async () => {
    const answer = readAnswer(socket, 60_000);
    socket.write(body.subarray(body.length / 2));
    const { status, headers, text } = await answer;
    socket.destroy();
    assert.equal(status, 201, text);
    return headers.get("x-amz-archive-id") ?? "";
  };
}

describe("when the machine's clock jumps 26 hours ahead", () => {
  test("open uploads, finished jobs with their outputs and deleted bytes stay", async () => {
    server = await startTestServer({ trustsClock: false });
    await createVault(server, vault);
    const archive = randomContent(2 * mebibyte);
    const uploadId = await initiateUpload(server, vault, mebibyte);
    const sent = await server.client.send(partRequest(vault, uploadId, 0, archive.subarray(0, mebibyte)));
    assert.equal(sent.status, 204, sent.text);
    const deletedId = await uploadArchive(server, vault, Buffer.from("deleted while a job reads it"));
    const retrieval = await finishedJob(server, vault, { Type: "archive-retrieval", ArchiveId: deletedId });
    const listing = await finishedJob(server, vault, inventory);
    const path = `${vaultPath(vault)}/archives/${deletedId}`;
    assert.equal((await server.client.send({ method: "DELETE", path })).status, 204);
    await deleteArchive(server, vault, await uploadArchive(server, vault, Buffer.from("deleted by mistake")));

    await moveClock(jump);

    assert.deepEqual(await server.parts.metadata.deadSegments({ afterKey: null, limit: 10 }), []);
    assert.equal((await getOutput(server, vault, listing)).status, 200);
    assert.equal((await getOutput(server, vault, retrieval)).text, "deleted while a job reads it");
    const listed = await server.client.send({ method: "GET", path: `${vaultPath(vault)}/multipart-uploads` });
    assert.equal(listed.json<{ UploadsList: unknown[] }>().UploadsList.length, 1);
    const rest = await server.client.send(partRequest(vault, uploadId, mebibyte, archive.subarray(mebibyte)));
    assert.equal(rest.status, 204, rest.text);
    const completed = await server.client.send(completeRequest(vault, uploadId, archive));
    assert.equal(completed.status, 201, completed.text);
    assert.deepEqual(server.postponed, []);
  });

  for (const trustsClock of [false, true]) {
    test(`a running upload ends well, and its bytes stay, ${trustsClock ? "also if" : "unless"} the clock is believed`, async () => {
      server = await startTestServer({ trustsClock });
      await createVault(server, vault);
      const body = randomContent(3 * mebibyte);
      const sendRest = await halfAnUpload(body);
      await moveClock(jump);
      const ArchiveId = await sendRest();
      await moveClock(jump);
      const jobId = await finishedJob(server, vault, { Type: "archive-retrieval", ArchiveId });
      assert.ok((await getOutput(server, vault, jobId)).body.equals(body));
    });
  }
});

test("a job that was due before the clock was set back does not wait for it", async () => {
  const metadata = await openInlineStore(":memory:");
  const delays = { inventorySeconds: 60 };
  server = await startTestServer({ metadata, delays, trustsClock: false });
  await createVault(server, vault);
  const jobId = await initiateJob(server, vault, inventory);
  await server.stop();
  await metadata.raiseTrustedTime({ highWater: startTime + 120_000, monotonic: 0, boot: null });
  const clock = new ManualClock(startTime - dayMilliseconds);
  server = await startTestServer({ metadata, delays, trustsClock: false, clock });
  await waitForJob(server, vault, jobId);
});
