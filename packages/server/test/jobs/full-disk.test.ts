import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import { type BlobWriter, StorageFullError } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { createVault, describeJob, eventually, getOutput, initiateJob, waitForJob } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { startTestServer, startTime, type TestServer } from "../support/server.ts";

// Jobs that meet a full disk. The service's clock stands still meanwhile, so no lease of a claim can lapse.

/** A store without room for any blob, until it is given some. */
class FullBlobStore extends MemoryBlobStore {
  isFull = true;

  override create(key: string, sizeBytesMax: number, sizeBytesMin?: number): Promise<BlobWriter> {
    return this.isFull
      ? Promise.reject(new StorageFullError("The disk is full"))
      : super.create(key, sizeBytesMax, sizeBytesMin);
  }
}

let metadata: MetadataStore;
let blobs: FullBlobStore;
let server: TestServer;
const start = () => startTestServer({ metadata, blobs, clock: new ManualClock(startTime), jobWaitMilliseconds: 0 });
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  blobs = new FullBlobStore();
  server = await start();
  await createVault(server, "vault");
});
afterEach(async () => {
  await server.stop();
  await metadata.close();
});

const initiate = () => initiateJob(server, "vault", { Type: "inventory-retrieval" });
const isRefused = () => eventually("a refusal is noted", async () => server.postponed.length > 0);

test("a job that meets a full disk is done once there is room, without waiting for its lease", async () => {
  const jobId = await initiate();
  await isRefused();
  assert.ok(server.postponed.every((error) => error instanceof StorageFullError));
  assert.equal((await describeJob(server, "vault", jobId)).StatusCode, "InProgress");
  blobs.isFull = false;
  await waitForJob(server, "vault", jobId);
  assert.equal((await getOutput(server, "vault", jobId)).status, 200);
});

test("a server stops while a job waits for room, and the next one does the job", async () => {
  const jobId = await initiate();
  await isRefused();
  await server.stop();
  blobs.isFull = false;
  server = await start();
  await waitForJob(server, "vault", jobId);
});
