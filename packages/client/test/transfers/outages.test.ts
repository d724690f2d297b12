import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { downloadJobOutput } from "../../src/transfers/download/download-job-output.ts";
import type { TransferEvent } from "../../src/transfers/events.ts";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";
import { waitForJob } from "../../src/transfers/retrieval/wait-for-job.ts";
import { uploadArchive } from "../../src/transfers/upload/upload-archive.ts";
import { clientOf } from "../support/scripted-client.ts";
import { answer, refuse, reset, type Step, scriptedServer } from "../support/scripted-server.ts";

// Outages that are longer than a single call outlasts. Pauses are drawn as 0, so that only their number counts.

const job = { vaultName: "photos", jobId: "job" };
const content = Buffer.alloc(1000, 7);
const { treeHash } = digestOfBytes(content, "tree");
const description = (StatusCode: string) =>
  answer(
    200,
    { "content-type": "application/json" },
    JSON.stringify({
      JobId: "job",
      Action: "ArchiveRetrieval",
      ArchiveId: "archive",
      StatusCode,
      ArchiveSizeInBytes: content.length,
      ArchiveSHA256TreeHash: treeHash,
      SHA256TreeHash: treeHash,
      RetrievalByteRange: `0-${content.length - 1}`,
    }),
  );
const outage = Array.from({ length: 20 }, (_, index) =>
  index % 2 ? reset : refuse(503, "ServiceUnavailableException"),
);

function eventsOf() {
  const events: TransferEvent[] = [];
  const count = (kind: TransferEvent["kind"]) => events.filter((event) => event.kind === kind).length;
  return { onEvent: (event: TransferEvent) => void events.push(event), count };
}

test("waiting for a job outlasts an outage, and reports each retry", async (t) => {
  t.mock.method(Math, "random", () => 0);
  await using server = await scriptedServer(description("InProgress"), ...outage, description("Succeeded"));
  const { onEvent, count } = eventsOf();
  const facts = await waitForJob(clientOf(server), job, { onEvent });
  assert.equal(facts.sizeBytes, content.length);
  assert.equal(count("retry"), outage.length);
});

test("an outage does not extend a wait that has a limit, and the job counts as not ready", async () => {
  await using server = await scriptedServer(
    description("InProgress"),
    refuse(503, "ServiceUnavailableException", "away"),
  );
  await assert.rejects(waitForJob(clientOf(server), job, { waitMillisecondsMax: 1000 }), {
    name: "JobNotReadyError",
    message: /^Job job is not known to have ended: away$/,
  });
});

test("a client's own limit also holds for polls", async () => {
  await using server = await scriptedServer(description("InProgress"), reset);
  await assert.rejects(waitForJob(clientOf(server, { retryForMilliseconds: 0 }), job), {
    name: "GlacierConnectionError",
  });
  assert.equal(server.seen.length, 2);
});

test("a range outlasts an outage, and connections that break in its middle", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const folder = await mkdtemp(join(tmpdir(), "moraine-outages-"));
  t.after(() => rm(folder, { recursive: true }));
  const headers = { "x-amz-sha256-tree-hash": treeHash, "content-length": String(content.length) };
  const broken: Step = (response) => {
    response.writeHead(200, headers);
    response.write(content.subarray(0, 10), () => response.socket?.destroy());
  };
  const breaks = Array.from({ length: 12 }, () => broken);
  await using server = await scriptedServer(
    description("Succeeded"),
    ...outage,
    ...breaks,
    answer(200, headers, content),
  );
  const target = join(folder, "target");
  const { onEvent, count } = eventsOf();
  await downloadJobOutput(clientOf(server), job, { target, onEvent });
  assert.ok((await readFile(target)).equals(content));
  assert.deepEqual([count("retry"), count("range-failed")], [outage.length, breaks.length]);
});

test("an upload outlasts an outage that begins once the service has responded", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const stored = answer(201, { "x-amz-archive-id": "archive", "x-amz-sha256-tree-hash": treeHash });
  await using server = await scriptedServer(refuse(500, "ServiceUnavailableException"), ...outage, stored);
  const { onEvent, count } = eventsOf();
  const { archiveId } = await uploadArchive(clientOf(server), content, { vaultName: "photos", onEvent });
  assert.equal(archiveId, "archive");
  assert.equal(count("retry"), outage.length + 1);
});
