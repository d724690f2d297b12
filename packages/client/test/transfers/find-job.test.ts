import assert from "node:assert/strict";
import { test } from "node:test";
import type { GlacierJobDescription } from "@moraine/protocol";
import { findOrStartJob } from "../../src/transfers/find-job.ts";
import { clientOf, vault } from "../support/scripted-client.ts";
import { answer, reset, type Step, scriptedServer } from "../support/scripted-server.ts";

const json = { "content-type": "application/json" };
const listed = (...jobs: Partial<GlacierJobDescription>[]): Step =>
  answer(200, json, JSON.stringify({ JobList: jobs, Marker: null }));
const job = { JobId: "paid-for", CreationDate: "2026-01-01T00:00:00.000Z" };
const wish = { ...vault, jobParameters: { Type: "inventory-retrieval" }, serves: () => true, reuse: true };

test("a job whose start was not answered is looked for before another is started", async () => {
  await using server = await scriptedServer(listed(), listed(), reset, listed(job));
  const found = await findOrStartJob(clientOf(server), wish, {});
  assert.equal(found.jobId, "paid-for");
  assert.deepEqual(
    server.seen.map(({ method }) => method),
    ["GET", "GET", "POST", "GET"],
  );
});

test("when the list has none, it was not started, and is asked for again", async () => {
  const started = answer(202, { "x-amz-job-id": "second" });
  await using server = await scriptedServer(listed(), listed(), reset, listed(), listed(), started);
  assert.equal((await findOrStartJob(clientOf(server), wish, {})).jobId, "second");
});

test("where a new job is wished for, one that was not answered is told, and no other is started", async () => {
  await using server = await scriptedServer(reset);
  await assert.rejects(findOrStartJob(clientOf(server), { ...wish, reuse: false }, {}), {
    name: "GlacierConnectionError",
  });
  assert.equal(server.seen.length, 1);
});
