import assert from "node:assert/strict";
import type { Job } from "../../../src/domain/jobs/job.ts";
import { day, everyPage, hour, type Story, start, type World } from "./world.ts";

export function jobStories(story: Story): void {
  story("jobs are found as they were added, each in its vault", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault, { description: "" });
    const jobs = [await world.archiveJob(vault, archive), await world.inventoryJob(vault)];
    for (const job of jobs) {
      const at = { jobId: job.id, completedSince: start };
      assert.deepEqual(await store.findJob({ ...at, vaultId: vault.id }), job);
      assert.equal(await store.findJob({ ...at, vaultId: "other" }), null);
    }
  });

  story("jobs are claimed when they are due, the earliest first, no more than asked", async (world) => {
    const vault = await world.vault();
    const late = await world.inventoryJob(vault, { dueAt: start + 2 });
    const early = await world.inventoryJob(vault, { dueAt: start });
    const next = await world.inventoryJob(vault, { dueAt: start + 1 });
    const claimed = async (now: number, limit: number) => {
      const claims = await world.claimAll(now, start + hour, limit);
      return claims.map(({ job }) => job.id);
    };
    assert.equal(await world.nextDue(start), start);
    assert.deepEqual(await claimed(start - 1, 9), []);
    assert.deepEqual(await claimed(start + 1, 9), [early.id, next.id]);
    assert.equal(await world.nextDue(start), start + 2);
    assert.deepEqual(await claimed(start + 2, 9), [late.id]);
    assert.equal(await world.nextDue(start), null);
    assert.deepEqual(await claimed(start + hour, 2), [early.id, next.id]);
  });

  story("claims that race hold different jobs", async (world) => {
    const vault = await world.vault();
    for (let index = 0; index < 6; index += 1) {
      await world.inventoryJob(vault);
    }
    const claims = await Promise.all(Array.from({ length: 4 }, () => world.claimAll(start, start + hour, 2)));
    const ids = claims.flat().map(({ job }) => job.id);
    assert.equal(ids.length, 6);
    assert.equal(new Set(ids).size, 6);
  });

  story("a job whose lease has passed wants to run again", async (world) => {
    await world.inventoryJob(await world.vault());
    await world.claim(start, start + hour);
    assert.equal(await world.nextDue(start + hour - 1), null);
    assert.equal(await world.nextDue(start + hour), start);
  });

  story("a claim that was lost neither prolongs nor finishes anything", async (world) => {
    const { store } = world;
    const job = await world.inventoryJob(await world.vault());
    const lost = await world.claim(start, start + hour);
    const held = await world.claim(start + hour, start + 2 * hour);
    assert(held.fence > lost.fence);
    assert.equal(await store.renewJob({ ...lost, leaseUntil: start + day }), false);
    const segment = await world.pending(job.id);
    const output = { segment, document: { segmentKey: segment.key, sizeBytes: 10, nextMarker: null } };
    const end = { state: "succeeded", statusMessage: "Succeeded", now: start, output } as const;
    assert.equal(await store.finishJob({ ...lost, ...end }), false);
    assert.equal(await store.findSegment(segment.key), null);
    assert.deepEqual(await found(world, job), job);
    assert.equal(await store.finishJob({ ...held, ...end }), true);
    assert.equal(await store.finishJob({ ...held, ...end, state: "failed" }), false);
    assert.equal((await found(world, job))?.state, "succeeded");
  });

  story("a claim that is prolonged is held on", async (world) => {
    await world.inventoryJob(await world.vault());
    const claim = await world.claim(start, start + hour);
    assert.equal(await world.store.renewJob({ ...claim, leaseUntil: start + 2 * hour }), true);
    assert.equal(await world.nextDue(start + hour), null);
    assert.equal(await world.nextDue(start + 2 * hour), start);
  });

  story("a fresh start frees every job, and whoever claimed one before has lost it", async (world) => {
    const { store } = world;
    await world.inventoryJob(await world.vault());
    const claim = await world.claim(start, start + day);
    await store.releaseLeases(start);
    assert.equal(await world.nextDue(start), start);
    assert.equal(await store.renewJob({ ...claim, leaseUntil: start + day }), false);
    const end = { state: "failed", statusMessage: "", now: start, output: null } as const;
    assert.equal(await store.finishJob({ ...claim, ...end }), false);
  });

  story("an inventory's output becomes live with its job", async (world) => {
    const { job, segment } = await finishedInventory(world, start + hour);
    assert.deepEqual(await found(world, job), {
      ...job,
      state: "succeeded",
      statusMessage: "Succeeded",
      completedAt: start + hour,
      output: { segmentKey: segment.key, sizeBytes: 10, nextMarker: "more" },
    });
    assert.deepEqual(await world.store.findSegment(segment.key), segment);
    assert.deepEqual(await world.dead(), []);
  });

  story("a job does not end when its output was swept; its claim is still held", async (world) => {
    const job = await world.inventoryJob(await world.vault());
    const claim = await world.claim();
    const segment = await world.pending(job.id);
    await world.store.abandonSegment(segment);
    const output = { segment, document: { segmentKey: segment.key, sizeBytes: 10, nextMarker: null } };
    const end = { state: "succeeded", statusMessage: "", now: start } as const;
    await assert.rejects(world.store.finishJob({ ...claim, ...end, output }), { name: "InvariantError" });
    assert.deepEqual(await found(world, job), job);
    assert.equal(await world.store.finishJob({ ...claim, ...end, output: null }), true);
  });

  story("a job is found for as long as it is asked for after it ended", async (world) => {
    const { store } = world;
    const vault = await world.vault();
    const { archive } = await world.archive(vault);
    const job = await world.archiveJob(vault, archive);
    await world.finish(start + hour, "failed");
    const at = { vaultId: vault.id, jobId: job.id };
    assert.equal((await store.findJob({ ...at, completedSince: start + hour - 1 }))?.state, "failed");
    assert.equal(await store.findJob({ ...at, completedSince: start + hour }), null);
    const page = { vaultId: vault.id, states: null, after: null, limit: 9 };
    assert.equal((await store.listJobs({ ...page, completedSince: start + hour - 1 })).length, 1);
    assert.equal((await store.listJobs({ ...page, completedSince: start + hour })).length, 0);
  });

  story("jobs are listed newest first, equal times by id, without gaps", async (world) => {
    const vault = await world.vault();
    await world.inventoryJob(await world.vault("other"));
    const jobs: Job[] = [];
    for (let index = 0; index < 10; index += 1) {
      jobs.push(await world.inventoryJob(vault, { createdAt: start + Math.floor(index / 4) }));
    }
    jobs.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
    const page = { vaultId: vault.id, completedSince: start, states: null, limit: 3 };
    const listed = await everyPage((after: Job | null) => world.store.listJobs({ ...page, after }));
    assert.deepEqual(listed, jobs);
  });

  story("jobs are listed by state", async (world) => {
    const vault = await world.vault();
    const succeeded = await world.inventoryJob(vault);
    await world.finish(start, "succeeded");
    const failed = await world.inventoryJob(vault);
    await world.finish(start, "failed");
    const running = await world.inventoryJob(vault);
    const list = async (...states: Job["state"][]) => {
      const page = { vaultId: vault.id, completedSince: start - 1, states, after: null, limit: 9 };
      return new Set((await world.store.listJobs(page)).map(({ id }) => id));
    };
    assert.deepEqual(await list("succeeded"), new Set([succeeded.id]));
    assert.deepEqual(await list("failed"), new Set([failed.id]));
    assert.deepEqual(await list("in_progress"), new Set([running.id]));
    assert.deepEqual(await list("succeeded", "failed"), new Set([succeeded.id, failed.id]));
    assert.deepEqual(await list("failed", "succeeded", "in_progress"), new Set([succeeded.id, failed.id, running.id]));
    assert.deepEqual(await list(), new Set());
  });

  story("old jobs are dropped no more at a time than asked, and their outputs go", async (world) => {
    const { job, segment } = await finishedInventory(world, start);
    await world.inventoryJob(await world.vault());
    await world.finish(start + 1);
    await world.inventoryJob(await world.vault());
    const at = { completedBefore: start + day, now: start + day, limit: 1 };
    assert.equal(await world.store.expireJobs({ ...at, completedBefore: start }), 0);
    assert.equal(await world.store.expireJobs(at), 1);
    assert.equal(await found(world, job), null);
    assert.equal(await world.store.findSegment(segment.key), null);
    assert.equal(await world.store.expireJobs(at), 1);
    assert.equal(await world.store.expireJobs(at), 0);
    assert.deepEqual(await world.dead(), [segment.key]);
  });
}

function found(world: World, job: Job): Promise<Job | null> {
  return world.store.findJob({ vaultId: job.vaultId, jobId: job.id, completedSince: start - day });
}

async function finishedInventory(world: World, now: number) {
  const job = await world.inventoryJob(await world.vault());
  const claim = await world.claim(now);
  const segment = await world.pending(job.id);
  const document = { segmentKey: segment.key, sizeBytes: 10, nextMarker: "more" };
  const end = { state: "succeeded", statusMessage: "Succeeded", now, output: { segment, document } } as const;
  assert.equal(await world.store.finishJob({ ...claim, ...end }), true);
  return { job, segment };
}
