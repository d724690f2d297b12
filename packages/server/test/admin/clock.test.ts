import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { callAdmin, demand } from "../support/admin.ts";
import {
  assertError,
  createVault,
  finishedJob,
  getOutput,
  initiateJob,
  invalid,
  uploadArchive,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({ delays: { standardSeconds: 4 * 3600 } });
});
after(() => server.stop());

const advance = (body: object) => callAdmin(server, "AdvanceClock", { body });

test("a manual clock shows its time and moves forward, by seconds or to a moment", async () => {
  const at = (time: string) => ({ Clock: "manual", Now: time, PolicyNow: time, PolicyTimeIsBehind: false });
  assert.deepEqual(await demand(server, "GetClock"), at("2026-03-04T05:06:07.089Z"));
  assert.deepEqual((await advance({ Seconds: 1.5 })).json(), at("2026-03-04T05:06:08.589Z"));
  assert.deepEqual((await advance({ To: "2026-03-04T07:00:00+01:00" })).json(), at("2026-03-04T06:00:00.000Z"));
  assert.equal((await advance({ Seconds: 0 })).status, 200);
});

test("it does not move backwards, nor by what is no time", async () => {
  const before = server.clock.now();
  assertError(await advance({ To: "2026-03-04T05:59:59.999Z" }), invalid(/a clock does not go backwards$/));
  for (const To of ["", "tomorrow", "2026-03-04", "2026-13-04T00:00:00Z", "2026-03-04T00:00:00"]) {
    assertError(await advance({ To }), invalid(/^Invalid To: /));
  }
  for (const Seconds of [-1, 1e12]) {
    assertError(await advance({ Seconds }), invalid(/^Invalid Seconds: /));
  }
  assertError(await advance({ To: "9999-06-01T00:00:00Z" }), invalid(/year 9998/));
  for (const body of [{}, { Seconds: 1, To: "2027-01-01T00:00:00Z" }, { Seconds: null }]) {
    assertError(await advance(body), invalid("Either Seconds or To must be given"));
  }
  assert.equal(server.clock.now(), before);
});

test("moving the clock wakes sleepers: a job completes, its day passes, and it expires", async () => {
  await createVault(server, "photos");
  const archiveId = await uploadArchive(server, "photos", Buffer.from("bytes"));
  const jobId = await initiateJob(server, "photos", {
    Type: "archive-retrieval",
    ArchiveId: archiveId,
    Tier: "Standard",
  });
  const describe = () => server.client.send({ method: "GET", path: `${vaultPath("photos")}/jobs/${jobId}` });
  assert.equal((await describe()).json<{ StatusCode: string }>().StatusCode, "InProgress");
  await advance({ Seconds: 4 * 3600 });
  await waitForJob(server, "photos", jobId);
  assert.equal((await getOutput(server, "photos", jobId)).text, "bytes");
  await advance({ Seconds: 24 * 3600 + 1 });
  assert.equal((await describe()).status, 404);
  await finishedJob(server, "photos", { Type: "inventory-retrieval" });
});

test("the system's clock is shown, and not moved", async (context) => {
  const fixed = await startTestServer({ manualClock: false });
  context.after(() => fixed.stop());
  assert.equal((await demand<{ Clock: string }>(fixed, "GetClock")).Clock, "system");
  const refusal = invalid("The clock is the system's: only a server that runs with --clock manual has one to move");
  assertError(await callAdmin(fixed, "AdvanceClock", { body: { Seconds: 1 } }), refusal);
});
