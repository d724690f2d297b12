import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "../../src/node.ts";
import { downloadJobOutput } from "../../src/transfers/download/download-job-output.ts";
import { streamJobOutput } from "../../src/transfers/download/stream-job-output.ts";
import { DigestPool } from "../../src/transfers/hashing/digest-pool.ts";
import { inParallel } from "../../src/transfers/in-parallel.ts";
import { readInventory, retrieveInventory, streamInventory } from "../../src/transfers/inventory/retrieve-inventory.ts";
import { retrieveArchive, streamArchive } from "../../src/transfers/retrieval/retrieve-archive.ts";
import { waitForJob } from "../../src/transfers/retrieval/wait-for-job.ts";
import { uploadArchive } from "../../src/transfers/upload/upload-archive.ts";
import { clientOf, keys } from "../support/scripted-client.ts";
import { answer, type ScriptedServer, scriptedServer } from "../support/scripted-server.ts";

const vaultName = "photos";
const job = { vaultName, jobId: "job" };
const archive = { vaultName, archiveId: "archive" };
const succeeded = {
  JobId: "job",
  Action: "ArchiveRetrieval",
  StatusCode: "Succeeded",
  ArchiveId: "archive",
  ArchiveSizeInBytes: 1000,
  ArchiveSHA256TreeHash: "0".repeat(64),
  SHA256TreeHash: "0".repeat(64),
  RetrievalByteRange: "0-999",
};

let server: ScriptedServer;
before(async () => {
  server = await scriptedServer(answer(200, { "content-type": "application/json" }, JSON.stringify(succeeded)));
});
after(() => server[Symbol.asyncDispose]());

async function drain(bytes: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of bytes);
}

const counts = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY];

test("every transfer refuses a concurrency below 1 or no number, before it sends a request", async () => {
  const client = clientOf(server);
  const target = "/nonexistent/target";
  for (const concurrency of counts) {
    const transfers: Readonly<Record<string, () => Promise<unknown>>> = {
      downloadJobOutput: () => downloadJobOutput(client, job, { target, concurrency }),
      streamJobOutput: () => drain(streamJobOutput(client, job, { concurrency })),
      retrieveArchive: () => retrieveArchive(client, archive, { target, concurrency }),
      streamArchive: () => drain(streamArchive(client, archive, { concurrency })),
      retrieveInventory: () => retrieveInventory(client, { vaultName }, { target, concurrency }),
      readInventory: () => readInventory(client, { vaultName }, { concurrency }),
      streamInventory: () => drain(streamInventory(client, { vaultName }, { concurrency })),
      uploadArchive: () => uploadArchive(client, new Uint8Array(10), { vaultName, concurrency }),
      inParallel: () => inParallel([1], concurrency, () => Promise.resolve(), new AbortController().signal),
      DigestPool: async () => new DigestPool(concurrency),
    };
    for (const [name, start] of Object.entries(transfers)) {
      await assert.rejects(start, RangeError, `${name} with ${concurrency}`);
    }
  }
  assert.deepEqual(server.seen, []);
});

test("every download refuses a range size that makes no nodes of a tree, before it sends a request", async () => {
  const client = clientOf(server);
  for (const rangeSizeBytes of [0, 1000, Number.NaN]) {
    await assert.rejects(downloadJobOutput(client, job, { target: "/nonexistent/target", rangeSizeBytes }), RangeError);
    await assert.rejects(drain(streamArchive(client, archive, { rangeSizeBytes })), RangeError);
  }
  assert.deepEqual(server.seen, []);
});

test("a range that is not within the output is refused, and never an empty success", async () => {
  const client = clientOf(server);
  for (const [firstByte, lastByte] of [
    [10, 9],
    [0, 1000],
    [-1, 10],
    [Number.NaN, 10],
    [0, 10.5],
  ] as const) {
    const range = { firstByte, lastByte };
    await assert.rejects(drain(streamJobOutput(client, job, { range })), RangeError, `${firstByte}-${lastByte}`);
    await assert.rejects(
      downloadJobOutput(client, job, { target: "/tmp/never", range }),
      RangeError,
      `${firstByte}-${lastByte}`,
    );
  }
});

test("a wait that is no number is refused", async () => {
  const client = clientOf(server);
  for (const waitMillisecondsMax of [-1, Number.NaN]) {
    await assert.rejects(waitForJob(client, job, { waitMillisecondsMax }), RangeError);
  }
});

test("a client refuses a number of attempts below 1 or no number", async () => {
  for (const attemptsMax of counts) {
    const made = createClient({ region: "us-east-1", credentials: keys, endpoint: server.url, attemptsMax });
    await assert.rejects(made, RangeError, String(attemptsMax));
  }
});
