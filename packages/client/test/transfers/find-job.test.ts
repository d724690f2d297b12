import assert from "node:assert/strict";
import { test } from "node:test";
import type { GlacierJobDescription } from "@moraine/protocol";
import { findOrStartJob } from "../../src/transfers/retrieval/find-job.ts";
import { clientOf, vault } from "../support/scripted-client.ts";
import { answer, reset, type Step, scriptedServer } from "../support/scripted-server.ts";

const json = { "content-type": "application/json" };
const listed = (...jobs: Partial<GlacierJobDescription>[]): Step =>
  answer(200, json, JSON.stringify({ JobList: jobs, Marker: null }));
const job = { JobId: "paid-for", CreationDate: "2026-01-01T00:00:00.000Z", StatusCode: "InProgress" } as const;
const jobParameters = { Type: "inventory-retrieval" } as const;
const mark = async () => ({ description: "moraine 1", isEarlier: false });
const criteria = { ...vault, jobParameters, matches: () => true, reuse: true };

test("a job whose start had no response is looked for before another is started", async () => {
  await using server = await scriptedServer(listed(), reset, listed(job));
  const found = await findOrStartJob(clientOf(server), criteria, mark, {});
  assert.equal(found.jobId, "paid-for");
  assert.deepEqual(
    server.seen.map(({ method }) => method),
    ["GET", "POST", "GET"],
  );
});

test("a job that is not in the list was not started, and is requested again", async () => {
  const started = answer(202, { "x-amz-job-id": "second" });
  await using server = await scriptedServer(listed(), reset, listed(), started);
  assert.equal((await findOrStartJob(clientOf(server), criteria, mark, {})).jobId, "second");
});

test("a new job whose start had no response is distinguished from earlier ones by its description", async () => {
  const other = { ...job, JobId: "other" };
  const marked = { ...job, JobDescription: "moraine 1" };
  const started = answer(202, { "x-amz-job-id": "second" });
  for (const [listedJobs, isEarlier, expected, methods] of [
    [[other, marked], false, "paid-for", ["POST", "GET"]],
    [[other], false, "second", ["POST", "GET", "POST"]],
    [[other, marked], true, "paid-for", ["GET"]],
    [[other], true, "second", ["GET", "POST"]],
  ] as const) {
    const steps = [...(isEarlier ? [] : [reset]), listed(...listedJobs), started];
    await using server = await scriptedServer(...steps);
    const wanted = { ...criteria, reuse: false };
    const found = await findOrStartJob(clientOf(server), wanted, async () => ({ ...(await mark()), isEarlier }), {});
    assert.equal(found.jobId, expected);
    assert.deepEqual(
      server.seen.map(({ method }) => method),
      methods,
    );
    const sent = server.seen.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body.toString()));
    assert.ok(sent.every(({ Description }) => Description === "moraine 1"));
  }
});

const dated = (JobId: string, day: number, StatusCode: "InProgress" | "Succeeded" | "Failed") => ({
  JobId,
  CreationDate: `2026-01-0${day}T00:00:00.000Z`,
  StatusCode,
});
/** A page that another one follows. */
const page = (...jobs: Partial<GlacierJobDescription>[]): Step =>
  answer(200, json, JSON.stringify({ JobList: jobs, Marker: jobs.at(-1)?.JobId }));

test("the list is read once, newest first, and no further than the first job that has succeeded", async () => {
  const found = page(
    dated("running", 9, "InProgress"),
    dated("newest", 8, "Succeeded"),
    dated("older", 7, "Succeeded"),
  );
  await using server = await scriptedServer(found);
  assert.equal((await findOrStartJob(clientOf(server), criteria, mark, {})).jobId, "newest");
  assert.equal(server.seen.length, 1);
});

test("the newest job is found also where a service lists the oldest first", async () => {
  await using server = await scriptedServer(
    page(dated("oldest", 1, "Succeeded"), dated("older", 2, "Succeeded")),
    listed(dated("newest", 3, "Succeeded"), dated("failed", 4, "Failed")),
  );
  assert.equal((await findOrStartJob(clientOf(server), criteria, mark, {})).jobId, "newest");
  assert.equal(server.seen.length, 2);
});

test("the newest job in progress is taken where none has succeeded", async () => {
  await using server = await scriptedServer(
    listed(dated("newer", 3, "InProgress"), dated("older", 2, "InProgress"), dated("failed", 4, "Failed")),
  );
  assert.equal((await findOrStartJob(clientOf(server), criteria, mark, {})).jobId, "newer");
});
