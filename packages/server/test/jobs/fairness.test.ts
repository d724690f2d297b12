import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type AccountId, limits } from "@moraine/protocol";
import { ManualClock } from "../../src/clock/clocks.ts";
import { type Job, laneOf } from "../../src/domain/jobs/job.ts";
import { newJobId } from "../../src/domain/new-id.ts";
import type { BlobReader, BlobStore, BlobWriter } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import { makeAccount } from "../support/admin.ts";
import {
  assertError,
  createVault,
  describeJob,
  eventually,
  initiateJob,
  mebibyte,
  randomContent,
  uploadArchive,
  uploadInParts,
  vaultPath,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { accountId, region, startTestServer, startTime, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

/** Counts the bytes that are read, and holds up reads beyond the first few of each blob while `isHeld`. */
class MeteredBlobStore extends MemoryBlobStore implements BlobStore {
  readBytes = 0;
  isHeld = false;
  held = 0;

  override async open(key: string): Promise<BlobReader> {
    const reader = await super.open(key);
    return {
      sizeBytes: reader.sizeBytes,
      read: async (into, position) => {
        if (this.isHeld && into.length >= mebibyte) {
          this.held += 1;
          await eventually("reads go on", async () => !this.isHeld);
          this.held -= 1;
        }
        this.readBytes += into.length;
        return reader.read(into, position);
      },
      close: () => reader.close(),
    };
  }

  override create(key: string, sizeBytes: number): Promise<BlobWriter> {
    return super.create(key, sizeBytes);
  }
}

let metadata: MetadataStore;
let blobs: MeteredBlobStore;
let clock: ManualClock;
let server: TestServer;
const eveAccountId = "999999999999";
let eve: Credentials;
beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  blobs = new MeteredBlobStore();
  clock = new ManualClock(startTime);
  server = await startTestServer({ metadata, blobs, clock, delays: { bulkSeconds: 60 }, jobWaitMilliseconds: 0 });
  await createVault(server, "vault");
  eve = await makeAccount(server);
  assert.equal((await as(eve, "PUT", "/-/vaults/hers")).status, 201);
});
afterEach(async () => {
  blobs.isHeld = false;
  await server.stop();
  await metadata.close();
});

const as = (key: Credentials, method: string, path: string, body?: unknown) =>
  server.client.send({ method, path, key, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const inventory = { Type: "inventory-retrieval" };
const isDone = async (jobId: string) => (await describeJob(server, "vault", jobId)).Completed;

describe("jobs on the same range", () => {
  test("share a reading that began after all of them were initiated", async () => {
    const archiveId = await uploadArchive(server, "vault", randomContent(2 * mebibyte));
    const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Bulk" };
    const jobs = await Promise.all(Array.from({ length: 50 }, () => initiateJob(server, "vault", retrieval)));
    blobs.readBytes = 0;
    clock.advance(60_000);
    await eventually("all are done", async () => (await Promise.all(jobs.map(isDone))).every(Boolean));
    assert.ok(blobs.readBytes < 3 * mebibyte, `${blobs.readBytes} bytes were read`);
  });

  test("do not share one that began before they were initiated", async () => {
    const archiveId = await uploadArchive(server, "vault", randomContent(2 * mebibyte));
    const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId };
    for (let job = 0; job < 2; job += 1) {
      const before = blobs.readBytes;
      clock.advance(1000);
      const jobId = await initiateJob(server, "vault", retrieval);
      await eventually("it is done", () => isDone(jobId));
      assert.ok(blobs.readBytes - before >= 2 * mebibyte);
    }
  });
});

test("large retrievals hold up no Expedited one, no small one and no inventory, and none of another account", async () => {
  const large = randomContent(65 * mebibyte);
  const archiveId = await uploadInParts(server, "vault", large, 64 * mebibyte);
  const small = await uploadArchive(server, "vault", Buffer.from("small"));
  blobs.isHeld = true;
  const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId };
  const jobs = await Promise.all(Array.from({ length: 12 }, () => initiateJob(server, "vault", retrieval)));
  await eventually("large retrievals are read", async () => blobs.held > 0);
  for (const request of [
    { Type: "archive-retrieval", ArchiveId: small, Tier: "Expedited" },
    { Type: "archive-retrieval", ArchiveId: small },
    inventory,
  ]) {
    const jobId = await initiateJob(server, "vault", request);
    await eventually(`${request.Type} is done`, () => isDone(jobId));
  }
  assert.deepEqual(await Promise.all(jobs.map(isDone)), Array(12).fill(false));
  blobs.isHeld = false;
});

test("an endpoint that never responds holds up no message of another account", async () => {
  const sent: string[] = [];
  await server.stop();
  server = await startTestServer({
    metadata,
    blobs,
    clock,
    notifier: {
      notify: async ({ accountId: owner }, signal) => {
        sent.push(owner);
        if (owner === eveAccountId) {
          await once(signal, "abort");
        }
      },
    },
  });
  for (let count = 0; count < 40; count += 1) {
    const job = { ...inventory, SNSTopic: `arn:aws:sns:${region}:${eveAccountId}:never` };
    assert.equal((await as(eve, "POST", "/-/vaults/hers/jobs", job)).status, 202);
  }
  await eventually("some are being sent", async () => sent.length > 0);
  await initiateJob(server, "vault", { ...inventory, SNSTopic: `arn:aws:sns:${region}:${accountId}:topic` });
  await eventually("the other message has arrived", async () => sent.includes(accountId));
  assert.ok(sent.filter((owner) => owner === eveAccountId).length < 20);
});

describe("accounts take turns", () => {
  const turn = (lane: Parameters<MetadataStore["claimJobs"]>[0]["lane"], limit: number) => ({
    lane,
    now: clock.now(),
    leaseUntil: clock.now() + 7_200_000,
    limit,
    after: null,
    perAccountMax: limit,
    held: {},
  });

  /** Jobs that are due in an hour, so that the server leaves them alone. */
  async function addJobs(account: string, vaultName: string, count: number): Promise<Job[]> {
    const vault = { accountId: account as AccountId, region, vaultName };
    const row = await metadata.findVault(vault);
    assert.ok(row);
    const jobs = Array.from(
      { length: count },
      (): Job => ({
        id: newJobId(),
        vaultId: row.id,
        action: "InventoryRetrieval",
        description: null,
        snsTopic: null,
        createdAt: clock.now(),
        dueAt: clock.now() + 3_600_000,
        state: "in_progress",
        statusMessage: null,
        completedAt: null,
        format: "JSON",
        selection: { startDate: null, endDate: null, limit: null, marker: null },
        output: null,
      }),
    );
    await Promise.all(jobs.map((job) => metadata.addJob({ ...permittedBy(row), job, monthlyFreeBytes: 0 })));
    return jobs;
  }
  const due = (limit: number) => ({ ...turn("inventory", limit), now: clock.now() + 3_600_000 });

  test("and one with a thousand earlier jobs has every second", async () => {
    await addJobs("999999999999", "hers", 1000);
    clock.advance(1);
    const [late] = await addJobs(accountId, "vault", 1);
    const at = { ...due(4), now: clock.now() + 3_600_000 };
    const claims = await metadata.claimJobs(at);
    assert.equal(claims.length, 4);
    assert.deepEqual(
      claims.filter((claim) => claim.accountId === accountId).map(({ job }) => job.id),
      [late?.id],
    );
    assert.ok(
      claims.slice(0, 2).some(({ job }) => job.id === late?.id),
      "within the first round",
    );
  });

  test("the account after the one that had the last turn comes first", async () => {
    await addJobs("999999999999", "hers", 2);
    await addJobs(accountId, "vault", 2);
    const first = await metadata.claimJobs({ ...due(1), after: accountId });
    assert.equal(first[0]?.accountId, "999999999999");
    const second = await metadata.claimJobs({ ...due(1), after: "999999999999" as AccountId });
    assert.equal(second[0]?.accountId, accountId);
  });

  test("an account holds no more than its share of the claims", async () => {
    await addJobs("999999999999", "hers", 9);
    const claims = await metadata.claimJobs({
      ...due(9),
      perAccountMax: 5,
      held: { ["999999999999" as AccountId]: 2 },
    });
    assert.equal(claims.length, 3);
    const next = { lane: "inventory", now: due(1).now, dueAfter: due(1).now } as const;
    assert.equal(await metadata.nextJobDue(next), null, "those that are due wait for the end of another");
  });

  test("jobs of a vault that was removed hold up nobody", async () => {
    await addJobs("999999999999", "hers", 300);
    await as(eve, "PUT", "/-/vaults/another");
    assert.equal((await as(eve, "DELETE", "/-/vaults/hers")).status, 204);
    const [job] = await addJobs("999999999999", "another", 1);
    assert.equal(job === undefined ? "" : laneOf(job), "inventory");
    for (let round = 0; round < 8; round += 1) {
      const [claim] = await metadata.claimJobs(due(1));
      if (claim !== undefined) {
        assert.equal(claim.job.id, job?.id);
        return;
      }
    }
    assert.fail("the job was not claimed");
  });

  test("an account with as many jobs in progress as it may have is refused another, and nobody else is", async () => {
    await addJobs("999999999999", "hers", limits.jobsInProgressMax);
    assertError(await as(eve, "POST", "/-/vaults/hers/jobs", inventory), {
      status: 400,
      code: "LimitExceededException",
      message: "Job limit exceeded: 10000 jobs of the account are in progress",
    });
    await initiateJob(server, "vault", inventory);
    const [claim] = await metadata.claimJobs(due(1));
    assert.ok(claim !== undefined);
    const { job, fence } = claim;
    const end = {
      jobId: job.id,
      fence,
      state: "failed",
      statusMessage: "Done",
      now: clock.now(),
      output: null,
    } as const;
    assert.equal(await metadata.finishJob(end), true);
    assert.equal((await as(eve, "POST", `${vaultPath("hers")}/jobs`, inventory)).status, 202);
  });
});
