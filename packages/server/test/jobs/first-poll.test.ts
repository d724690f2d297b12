import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountId, JobId } from "@moraine/protocol";
import type { BlobReader, BlobWriter } from "../../src/domain/stores/blob-store.ts";
import { JobWaits } from "../../src/jobs/job-waits.ts";
import { createVault, describeJob, eventually, initiateJob, jobRequest, uploadArchive } from "../support/glacier.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { accountId, region, startTestServer } from "../support/server.ts";
import { signedClient } from "../support/signed-request.ts";

/** Archives cannot be read as long as the store is shut. */
class ShutBlobStore extends MemoryBlobStore {
  #gate = Promise.withResolvers<void>();

  override async open(key: string): Promise<BlobReader> {
    await this.#gate.promise;
    return super.open(key);
  }

  raise(): void {
    this.#gate.resolve();
  }
}

/** Takes its time, as a disk does. */
class SlowBlobStore extends MemoryBlobStore {
  override async open(key: string): Promise<BlobReader> {
    await sleep(20);
    return super.open(key);
  }

  override async create(key: string, sizeBytes: number): Promise<BlobWriter> {
    await sleep(20);
    return super.create(key, sizeBytes);
  }
}

test("40 inventories and 40 archives are done at the first poll", async () => {
  const server = await startTestServer({ blobs: new SlowBlobStore(), jobWaitMilliseconds: 60_000 });
  await createVault(server, "vault");
  const archiveId = await uploadArchive(server, "vault", Buffer.from("hello"));
  const requests = [{ Type: "inventory-retrieval" }, { Type: "archive-retrieval", ArchiveId: archiveId }];
  for (let job = 0; job < 80; job += 1) {
    const jobId = await initiateJob(server, "vault", requests[job % 2] ?? {});
    assert.equal((await describeJob(server, "vault", jobId)).StatusCode, "Succeeded", `job ${job}`);
  }
  await server.stop();
});

test("jobs that take longer, are due later or are large are answered before they are done", async () => {
  const blobs = new ShutBlobStore();
  const server = await startTestServer({ blobs, delays: { bulkSeconds: 60 }, jobWaitMilliseconds: 10 });
  await createVault(server, "vault");
  const archiveId = await uploadArchive(server, "vault", Buffer.from("hello"));
  for (const Tier of ["Standard", "Bulk"]) {
    const jobId = await initiateJob(server, "vault", { Type: "archive-retrieval", ArchiveId: archiveId, Tier });
    assert.equal((await describeJob(server, "vault", jobId)).StatusCode, "InProgress");
  }
  blobs.raise();
  await server.stop();
});

test("a client that goes away ends its wait", async () => {
  const blobs = new ShutBlobStore();
  const server = await startTestServer({ blobs, jobWaitMilliseconds: 600_000 });
  await createVault(server, "vault");
  const archiveId = await uploadArchive(server, "vault", Buffer.from("hello"));
  const leaving = signedClient({ port: server.port, key: server.key, region });
  const request = leaving.send(jobRequest("vault", { Type: "archive-retrieval", ArchiveId: archiveId }));
  request.catch(() => undefined);
  await eventually("the job is at work", async () => {
    const { text } = await server.client.send({ method: "GET", path: "/-/vaults/vault/jobs" });
    return text.includes("InProgress");
  });
  const isEnded = () => server.records.some(({ operation }) => operation === "InitiateJob");
  assert.equal(isEnded(), false);
  leaving.close();
  await eventually("the request has ended", async () => isEnded());
  blobs.raise();
  await server.stop();
});

test("a wait ends with the job, with its client or with its time, and keeps nothing", async () => {
  const account = accountId as AccountId;
  const waits = new JobWaits(600_000);
  const leave: Array<() => void> = [];
  const wait = (jobId: string) => waits.wait(jobId as JobId, account, (listener) => leave.push(listener));
  const [ended, left] = [wait("ended"), wait("left")];
  waits.ended("ended" as JobId);
  await ended;
  assert.equal(waits.size, 1);
  leave[1]?.();
  await left;
  assert.equal(waits.size, 0);
  const brief = new JobWaits(5);
  await brief.wait("late" as JobId, account, () => undefined);
  assert.equal(brief.size, 0);
});

test("an account has no more than a bounded number of waits at a time", async () => {
  const waits = new JobWaits(600_000);
  const account = accountId as AccountId;
  const wait = (number: number, of = account) => waits.wait(`job ${number}` as JobId, of, () => undefined);
  const many = Array.from({ length: 64 }, (_, number) => wait(number));
  await wait(64);
  assert.equal(waits.size, 64);
  const other = wait(65, "999999999999" as AccountId);
  assert.equal(waits.size, 65);
  for (let number = 0; number < 66; number += 1) {
    waits.ended(`job ${number}` as JobId);
  }
  await Promise.all([...many, other]);
  await Promise.all([wait(66), Promise.resolve().then(() => waits.ended("job 66" as JobId))]);
});
