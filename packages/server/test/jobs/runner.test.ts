import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import {
  BlobMissingError,
  type BlobReader,
  type BlobStore,
  type BlobWriter,
  type RemovalFailure,
  type UncachedReader,
} from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { claimAll } from "../support/claims.ts";
import {
  createVault,
  deleteArchive,
  describeJob,
  eventually,
  finishedJob,
  getOutput,
  initiateJob,
  uploadArchive,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { dayMilliseconds, hourMilliseconds, startTestServer, startTime, type TestServer } from "../support/server.ts";

/** A real store that holds every caller at a gate while the gate is shut, so that jobs can be caught at work. */
class GatedBlobStore implements BlobStore {
  /** The keys of the blobs that were started, in order. */
  readonly keys: string[] = [];
  /** Callers at the gate. */
  waiting = 0;
  readonly #blobs = new MemoryBlobStore();
  #gate = Promise.withResolvers<void>();

  constructor() {
    this.#gate.resolve();
  }

  shut(): void {
    this.#gate = Promise.withResolvers();
  }

  raise(): void {
    this.#gate.resolve();
  }

  async open(key: string): Promise<BlobReader> {
    await this.#pass();
    return this.#blobs.open(key);
  }

  openUncached(key: string): Promise<UncachedReader> {
    return this.#blobs.openUncached(key);
  }

  newKey(ownerId: string): string {
    return this.#blobs.newKey(ownerId);
  }

  async create(key: string, sizeBytes: number): Promise<BlobWriter> {
    await this.#pass();
    this.keys.push(key);
    return this.#blobs.create(key, sizeBytes);
  }

  remove(keys: readonly string[]): Promise<readonly RemovalFailure[]> {
    return this.#blobs.remove(keys);
  }

  async #pass(): Promise<void> {
    this.waiting += 1;
    await this.#gate.promise;
    this.waiting -= 1;
  }
}

let metadata: MetadataStore;
let blobs: GatedBlobStore;
let clock: ManualClock;
let server: TestServer;
const start = () => startTestServer({ metadata, blobs, clock, delays: { bulkSeconds: 3600 }, jobWaitMilliseconds: 0 });
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  blobs = new GatedBlobStore();
  clock = new ManualClock(startTime);
  server = await start();
  await createVault(server, "vault");
});
afterEach(async () => {
  blobs.raise();
  await server.stop();
  await metadata.close();
});

const leaseMilliseconds = 5 * 60 * 1000;
const inventory = { Type: "inventory-retrieval" };
const retrievalOf = async (text: string, more: Readonly<Record<string, unknown>> = {}) => ({
  Type: "archive-retrieval",
  ArchiveId: await uploadArchive(server, "vault", Buffer.from(text)),
  ...more,
});
/** Takes the job over, as another process would once the lease has lapsed. */
const takeOver = async () => {
  clock.advance(leaseMilliseconds + 1);
  const now = clock.now();
  return claimAll(metadata, { now, leaseUntil: now + leaseMilliseconds, limit: 10 });
};

describe("a restart", () => {
  test("loses no job that is waiting", async () => {
    const retrieval = await retrievalOf("hello", { Tier: "Bulk" });
    const jobId = await initiateJob(server, "vault", retrieval);
    await server.stop();
    clock.advance(hourMilliseconds);
    server = await start();
    await waitForJob(server, "vault", jobId);
    assert.equal((await getOutput(server, "vault", jobId)).text, "hello");
  });

  test("takes up jobs that a process died over, without waiting for their leases", async () => {
    const retrieval = await retrievalOf("hello", { Tier: "Bulk" });
    const jobId = await initiateJob(server, "vault", retrieval);
    await server.stop();
    clock.advance(hourMilliseconds);
    const now = clock.now();
    const claims = await claimAll(metadata, { now, leaseUntil: now + leaseMilliseconds, limit: 10 });
    assert.deepEqual(
      claims.map(({ job }) => job.id),
      [jobId],
    );
    server = await start();
    await waitForJob(server, "vault", jobId);
  });

  test("in the middle of a job breaks it off, and it is done afterwards", async () => {
    const retrieval = await retrievalOf("hello");
    blobs.shut();
    const jobs = [await initiateJob(server, "vault", retrieval), await initiateJob(server, "vault", inventory)];
    await eventually("both jobs are at work", async () => blobs.waiting === 2);
    const stopped = server.stop();
    blobs.raise();
    await stopped;
    assert.deepEqual(server.postponed, []);
    server = await start();
    for (const jobId of jobs) {
      await waitForJob(server, "vault", jobId);
    }
    assert.equal((await getOutput(server, "vault", jobs[0] ?? "")).text, "hello");
  });
});

describe("a claim that was lost", () => {
  test("finishes no retrieval", async () => {
    const retrieval = await retrievalOf("hello");
    blobs.shut();
    const jobId = await initiateJob(server, "vault", retrieval);
    await eventually("the job is at work", async () => blobs.waiting === 1);
    const [claim] = await takeOver();
    assert.equal(claim?.job.id, jobId);
    blobs.raise();
    await eventually("the first runner is done", async () => blobs.waiting === 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await describeJob(server, "vault", jobId)).StatusCode, "InProgress", "it is the second's to finish");
    const { fence } = claim;
    const end = { jobId: claim.job.id, state: "failed", statusMessage: "by the second", now: clock.now() } as const;
    assert.equal(await metadata.finishJob({ ...end, fence: fence - 1, output: null }), false);
    assert.equal(await metadata.finishJob({ ...end, fence, output: null }), true);
    assert.equal(await metadata.finishJob({ ...end, fence, state: "succeeded", output: null }), false);
    assert.equal((await describeJob(server, "vault", jobId)).StatusMessage, "by the second");
  });

  test("leaves no document behind", async () => {
    blobs.shut();
    const jobId = await initiateJob(server, "vault", inventory);
    await eventually("the job is at work", async () => blobs.waiting === 1);
    const [claim] = await takeOver();
    assert.equal(claim?.job.id, jobId);
    blobs.raise();
    await eventually("the document is written", async () => blobs.keys.length === 1);
    const [key = ""] = blobs.keys;
    await eventually("the document is removed", async () => {
      clock.advance(61_000);
      return blobs.open(key).then(
        async (reader) => reader.close().then(() => false),
        (error) => error instanceof BlobMissingError,
      );
    });
    assert.equal(await metadata.findSegment(key), null);
    // The second claim lapses like the first, and then the job is done after all.
    clock.advance(leaseMilliseconds);
    await waitForJob(server, "vault", jobId);
    assert.equal((await getOutput(server, "vault", jobId)).status, 200);
  });
});

describe("an archive or a vault that changes while its job waits", () => {
  test("a deleted archive fails the job, with the reason", async () => {
    const retrieval = await retrievalOf("hello", { Tier: "Bulk" });
    const jobId = await initiateJob(server, "vault", retrieval);
    await deleteArchive(server, "vault", retrieval.ArchiveId);
    clock.advance(hourMilliseconds);
    const job = await waitForJob(server, "vault", jobId, "Failed");
    assert.equal(job.StatusMessage, `The archive ID was not found: ${retrieval.ArchiveId}`);
    assert.equal(job.CompletionDate, new Date(clock.now()).toISOString());
  });

  test("a deleted vault takes its jobs along, at work or waiting, and nothing breaks", async () => {
    blobs.shut();
    await initiateJob(server, "vault", inventory);
    await eventually("the job is at work", async () => blobs.waiting === 1);
    assert.equal((await server.client.send({ method: "DELETE", path: vaultPath("vault") })).status, 204);
    blobs.raise();
    await eventually("the job has ended", async () => blobs.waiting === 0);
    await createVault(server, "another");
    await finishedJob(server, "another", inventory);
    assert.deepEqual(server.postponed, []);
  });
});

test("many jobs at once are all done, each once", async () => {
  const jobs = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const text = `archive ${index}`;
      return { text, id: await initiateJob(server, "vault", await retrievalOf(text)) };
    }),
  );
  for (const { text, id } of jobs) {
    await waitForJob(server, "vault", id);
    assert.equal((await getOutput(server, "vault", id)).text, text);
  }
});

describe("upkeep", () => {
  const isGone = (key: string) =>
    blobs.open(key).then(
      async (reader) => reader.close().then(() => false),
      (error) => error instanceof BlobMissingError,
    );

  test("bytes of a deleted archive outlive the outputs that need them, and then go", async () => {
    const retrieval = await retrievalOf("hello");
    const [key = ""] = blobs.keys;
    await deleteArchive(server, "vault", retrieval.ArchiveId);
    clock.advance(dayMilliseconds - hourMilliseconds);
    assert.equal(await isGone(key), false);
    clock.advance(hourMilliseconds + 61_000);
    await eventually("the bytes are removed", () => isGone(key));
  });

  test("an output can be read to the end of its day, though its archive was deleted at once", async () => {
    const retrieval = await retrievalOf("hello");
    const [key = ""] = blobs.keys;
    const jobId = await finishedJob(server, "vault", retrieval);
    await deleteArchive(server, "vault", retrieval.ArchiveId);
    clock.advance(dayMilliseconds - 1);
    assert.equal((await getOutput(server, "vault", jobId)).text, "hello");
    clock.advance(121_000);
    await eventually("the bytes are removed", () => isGone(key));
  });

  test("an output stays readable when the archive was deleted while the job ran, longer ago than deleted bytes are kept", async () => {
    const retrieval = await retrievalOf("hello");
    blobs.shut();
    const jobId = await initiateJob(server, "vault", retrieval);
    await eventually("the job is at work", async () => blobs.waiting === 1);
    await deleteArchive(server, "vault", retrieval.ArchiveId);
    const minute = 60_000;
    clock.advance(4 * minute);
    blobs.raise();
    await waitForJob(server, "vault", jobId);
    clock.advance(dayMilliseconds - minute);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await getOutput(server, "vault", jobId)).text, "hello");
  });

  test("a document goes a day after its job has expired", async () => {
    const jobId = await finishedJob(server, "vault", inventory);
    const [key = ""] = blobs.keys;
    clock.advance(dayMilliseconds + 61_000);
    await eventually("the job is dropped", async () => (await metadata.findSegment(key)) === null);
    assert.equal(await isGone(key), false);
    clock.advance(dayMilliseconds + 61_000);
    await eventually("the document is removed", () => isGone(key));
    assert.equal((await getOutput(server, "vault", jobId)).status, 404);
  });
});
