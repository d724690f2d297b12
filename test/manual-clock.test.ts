import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GlacierHttp, RefusedError } from "./support/glacier-http.ts";
import { untilTrue } from "./support/sdk-client.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Days of a vault in the time of a test: a server process with AWS's delays, and a clock that the admin API moves.

const vault = "photos";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let glacier: GlacierHttp;
let archiveId: string;

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: folder.path, flags: ["--clock", "manual", "--profile", "aws"] });
  glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
  archiveId = await glacier.uploadArchive(vault, Buffer.from("an archive"), "");
});
after(async () => {
  glacier.close();
  await server.stop();
  await folder[Symbol.asyncDispose]();
});

const advance = (hours: number) => glacier.admin("POST", "/clock", { Seconds: hours * 3600 });
const minutes = (count: number) => count / 60;
const retrieval = (Tier: string) =>
  glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId, Tier });
const status = async (jobId: string) => (await glacier.describeJob(vault, jobId)).StatusCode;
const isGone = (error: unknown) => error instanceof RefusedError && error.status === 404;
const call = (method: string, path: string, body?: object) =>
  glacier.demand({
    method,
    path: `/-/vaults/${vault}${path}`,
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
  });

test("a Standard retrieval, the day of its output and its end take less than a second", async () => {
  const began = performance.now();
  const jobId = await retrieval("Standard");
  await advance(4 - minutes(1));
  assert.equal(await status(jobId), "InProgress");
  await assert.rejects(glacier.jobOutput(vault, jobId), /not currently available for download/);
  await advance(minutes(1));
  await glacier.jobSucceeded(vault, jobId);
  assert.equal((await glacier.jobOutput(vault, jobId)).toString(), "an archive");
  await advance(24 - minutes(1));
  assert.equal((await glacier.jobOutput(vault, jobId)).toString(), "an archive");
  await advance(minutes(1));
  await assert.rejects(glacier.jobOutput(vault, jobId), isGone);
  await assert.rejects(glacier.describeJob(vault, jobId), isGone);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds < 1, `it took ${seconds} s`);
});

describe("the clock alone decides", () => {
  test("when a tier's delay is over", async () => {
    const [expedited, standard, bulk] = [
      await retrieval("Expedited"),
      await retrieval("Standard"),
      await retrieval("Bulk"),
    ];
    for (const [step, job] of [
      [minutes(3), expedited],
      [4 - minutes(3), standard],
      [4, bulk],
    ] as const) {
      await advance(step - minutes(1));
      assert.equal(await status(job), "InProgress");
      await advance(minutes(1));
      await glacier.jobSucceeded(vault, job);
    }
  });

  test("when a vault has its daily inventory, which lags behind what is written", async () => {
    const daily = "daily";
    const count = async () => {
      const { body } = await glacier.demand({ method: "GET", path: `/-/vaults/${daily}` });
      return (JSON.parse(body.toString()) as { NumberOfArchives: number }).NumberOfArchives;
    };
    await glacier.createVault(daily);
    for (const before of [0, 1]) {
      await glacier.uploadArchive(daily, Buffer.from(`number ${before}`), "");
      await advance(23);
      assert.equal(await count(), before);
      await advance(2);
      await untilTrue("the inventory is taken", async () => (await count()) === before + 1);
    }
  });

  test("when a lock that nobody completed is gone", async () => {
    const Statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "glacier:DeleteArchive",
      Resource: `arn:aws:glacier:us-east-1:123456789012:vaults/${vault}`,
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
    await call("POST", "/lock-policy", { Policy });
    await advance(24 - minutes(1));
    assert.match((await call("GET", "/lock-policy")).body.toString(), /"State":"InProgress"/);
    await advance(minutes(1));
    await assert.rejects(call("GET", "/lock-policy"), isGone);
    const initiated = await call("POST", "/lock-policy", { Policy });
    await advance(24);
    await assert.rejects(call("POST", `/lock-policy/${initiated.headers["x-amz-lock-id"]}`), RefusedError);
  });

  test("when an abandoned upload expires", async () => {
    const initiated = await glacier.demand({
      method: "POST",
      path: `/-/vaults/${vault}/multipart-uploads`,
      headers: { "x-amz-part-size": "1048576" },
    });
    const path = `/multipart-uploads/${initiated.headers["x-amz-multipart-upload-id"]}`;
    await advance(24 - minutes(1));
    await call("GET", path);
    await advance(minutes(2));
    await assert.rejects(call("GET", path), isGone);
  });

  test("but not how old archives are to policies, which go by a time that no jump moves", async () => {
    const clock = (await glacier.admin("GET", "/clock")) as {
      Now: string;
      PolicyNow: string;
      PolicyTimeIsBehind: boolean;
    };
    assert.equal(clock.PolicyTimeIsBehind, true);
    assert.ok(Date.parse(clock.Now) - Date.parse(clock.PolicyNow) > 24 * 3600 * 1000);
    const { Warnings } = (await glacier.admin("GET", "/health")) as { Warnings: string[] };
    assert.match(Warnings.join("\n"), /^The clock says .* restart with --trust-clock$/);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^moraine_policy_time_behind_seconds [0-9.]{5,}$/m);
  });
});
