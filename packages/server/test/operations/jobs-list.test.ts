import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ListJobsOutput } from "@moraine/protocol";
import {
  assertError,
  createVault,
  deleteArchive,
  describeJob,
  initiateJob,
  invalid,
  uploadArchive,
  vaultNotFound,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({ delays: { bulkSeconds: 3600, standardSeconds: 60 } });
});
after(() => server.stop());

const get = (vault: string, query = "") =>
  server.client.send({ method: "GET", path: `${vaultPath(vault)}/jobs${query}` });
const list = async (vault: string, query = "") => {
  const answer = await get(vault, query);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<ListJobsOutput>();
};
const idsOf = ({ JobList }: ListJobsOutput) => JobList.map((job) => job.JobId);
const paged = async (vault: string, query: string) => {
  const seen: string[] = [];
  let marker: string | null = "";
  while (marker !== null) {
    const page: ListJobsOutput = await list(vault, `?${query}&marker=${encodeURIComponent(marker)}`);
    assert.ok(page.JobList.length <= 50);
    seen.push(...idsOf(page));
    marker = page.Marker;
  }
  return seen;
};

describe("ListJobs", () => {
  test("a vault without jobs lists none", async () => {
    await createVault(server, "empty");
    assert.equal((await get("empty")).text, '{"JobList":[],"Marker":null}');
  });

  test("the newest come first, each as DescribeJob shows it, and pages have no gaps", async () => {
    await createVault(server, "many");
    const ids: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      ids.push(await initiateJob(server, "many", { Type: "inventory-retrieval", Description: `number ${index}` }));
      if (index % 8 === 7) {
        server.clock.advance(1);
      }
    }
    await Promise.all(ids.map((id) => waitForJob(server, "many", id)));
    const all = await paged("many", "limit=50");
    assert.deepEqual(new Set(all), new Set(ids));
    assert.equal(all.length, ids.length);
    const created = await Promise.all(all.map(async (id) => (await describeJob(server, "many", id)).CreationDate));
    assert.deepEqual(created, created.toSorted().toReversed());
    for (const query of [
      "limit=1",
      "limit=7",
      "limit=1000",
      "limit=",
      "completed=true&limit=9",
      "statuscode=Succeeded",
    ]) {
      assert.deepEqual(await paged("many", query), all, query);
    }
    assert.equal((await list("many")).JobList.length, 50);
    const [first] = (await list("many", "?limit=1")).JobList;
    assert.deepEqual(first, await describeJob(server, "many", all[0] ?? ""));
  });

  test("a job that begins between two pages shifts nothing", async () => {
    await createVault(server, "shifting");
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      server.clock.advance(1);
      ids.unshift(await initiateJob(server, "shifting", { Type: "inventory-retrieval" }));
    }
    const first = await list("shifting", "?limit=2");
    server.clock.advance(1);
    await initiateJob(server, "shifting", { Type: "inventory-retrieval" });
    const second = await list("shifting", `?limit=2&marker=${encodeURIComponent(first.Marker ?? "")}`);
    assert.deepEqual([...idsOf(first), ...idsOf(second)], ids);
    assert.equal(second.Marker, null);
  });

  test("filters by status and completion, alone and together", async () => {
    await createVault(server, "mixed");
    const kept = await uploadArchive(server, "mixed", Buffer.from("kept"));
    const lost = await uploadArchive(server, "mixed", Buffer.from("lost"));
    const retrieve = (ArchiveId: string, Tier: string) =>
      initiateJob(server, "mixed", { Type: "archive-retrieval", ArchiveId, Tier });
    const running = await retrieve(kept, "Bulk");
    const succeeded = await retrieve(kept, "Standard");
    const failed = await retrieve(lost, "Standard");
    await deleteArchive(server, "mixed", lost);
    server.clock.advance(60_000);
    await waitForJob(server, "mixed", succeeded);
    await waitForJob(server, "mixed", failed, "Failed");
    const all = [running, succeeded, failed];
    for (const [query, expected] of [
      ["", all],
      ["?statuscode=&completed=&limit=&marker=", all],
      ["?statuscode=InProgress", [running]],
      ["?statuscode=Succeeded", [succeeded]],
      ["?statuscode=Failed", [failed]],
      ["?completed=true", [succeeded, failed]],
      ["?completed=false", [running]],
      ["?completed=true&statuscode=Failed", [failed]],
      ["?completed=false&statuscode=Failed", []],
      ["?completed=true&statuscode=InProgress", []],
    ] as const) {
      assert.deepEqual(new Set(idsOf(await list("mixed", query))), new Set(expected), query);
    }
  });

  test("wrong filters, limits and markers are refused, and a missing vault is not found", async () => {
    for (const status of ["finished", "succeeded", "toString"]) {
      assertError(await get("empty", `?statuscode=${status}`), invalid(`The job status code is not valid: ${status}`));
    }
    assertError(await get("empty", "?completed=yes"), invalid("Invalid completed: yes"));
    assertError(await get("empty", "?limit=0"), invalid("Invalid limit: 0"));
    assertError(await get("empty", "?marker=nonsense"), invalid("Invalid marker: nonsense"));
    assertError(await get("nowhere", "?limit=0"), vaultNotFound("nowhere"));
  });

  test("a job is listed for a day after its completion, and while it runs", async () => {
    await createVault(server, "aging");
    const archiveId = await uploadArchive(server, "aging", Buffer.from("x"));
    const done = await initiateJob(server, "aging", { Type: "inventory-retrieval" });
    await waitForJob(server, "aging", done);
    server.clock.advance(dayMilliseconds - 60_000);
    const running = await initiateJob(server, "aging", {
      Type: "archive-retrieval",
      ArchiveId: archiveId,
      Tier: "Bulk",
    });
    assert.deepEqual(new Set(idsOf(await list("aging"))), new Set([done, running]));
    server.clock.advance(60_001);
    assert.deepEqual(idsOf(await list("aging")), [running]);
  });
});
