import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { contentOf } from "../../../../test/support/content.ts";
import { verifyJobOutput } from "../../src/transfers/download/verify-output.ts";
import type { TransferEvent } from "../../src/transfers/events.ts";
import { archiveOf, type OutputServer, outputServer } from "../support/output-server.ts";
import { clientOf } from "../support/scripted-client.ts";

const mebibyte = 1024 ** 2;
const content = contentOf(19, 9 * mebibyte + 3);
const archive = archiveOf(content);
const job = { vaultName: "photos", jobId: "job" };
const options = { rangeSizeBytes: 2 * mebibyte };

let server: OutputServer;
before(async () => {
  server = await outputServer(archive);
});
afterEach(() => {
  server.ranges.length = 0;
  server.misbehave = () => undefined;
  server.headersOf = () => ({});
});
after(() => server[Symbol.asyncDispose]());

test("an output is verified without a file, each byte fetched once", async () => {
  let last: TransferEvent | undefined;
  const onEvent = (event: TransferEvent) => {
    last = event;
  };
  const result = await verifyJobOutput(clientOf(server), job, { ...options, onEvent });
  assert.deepEqual(result, {
    sizeBytes: content.length,
    treeHash: archive.treeHash,
    verifiedBy: "whole",
    alreadyComplete: false,
    transferredBytes: content.length,
    repeatedBytes: 0,
    resumedBytes: 0,
  });
  assert.ok(last?.kind === "progress" && last.verifiedBytes === content.length);
});

test("wrong bytes are found, by the range's checksum and by the whole where there is none", async () => {
  server.misbehave = ({ firstByte }) => (firstByte === 4 * mebibyte ? "corrupt" : undefined);
  await assert.rejects(verifyJobOutput(clientOf(server), job, options), {
    name: "VerificationError",
    message: /^Range 4194304-6291455 does not verify/,
  });
  server.ranges.length = 0;
  server.headersOf = () => ({ "x-amz-sha256-tree-hash": null });
  await assert.rejects(verifyJobOutput(clientOf(server), job, options), {
    name: "VerificationError",
    message: /^The whole output does not verify/,
  });
  assert.equal(server.ranges.length, 10, "each of the five ranges is fetched twice");
});

test("bytes that were wrong once and had no checksum are right when they are fetched again", async () => {
  let isFirst = true;
  server.headersOf = () => ({ "x-amz-sha256-tree-hash": null });
  server.misbehave = () => {
    const outcome = isFirst ? "corrupt" : undefined;
    isFirst = false;
    return outcome;
  };
  assert.equal((await verifyJobOutput(clientOf(server), job, options)).verifiedBy, "whole");
});

test("a part of an output is verified by the checksums of its ranges", async () => {
  const range = { firstByte: 2 * mebibyte, lastByte: 4 * mebibyte - 1 };
  const { sizeBytes, treeHash, verifiedBy } = await verifyJobOutput(clientOf(server), job, { ...options, range });
  assert.deepEqual([sizeBytes, treeHash, verifiedBy], [2 * mebibyte, null, "ranges"]);
});
